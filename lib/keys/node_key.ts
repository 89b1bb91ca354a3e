import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
} from "node:crypto";
import { promisify } from "node:util";
import type { DeviceKey, DeviceKeyKind } from "./device_key.ts";
import { damaged, unknownType } from "./key_block.ts";

/** P-256 and P-384: the server's crypto library (Go) knows no secp256k1, Deno cannot sign with P-521. */
const CURVES = ["prime256v1", "secp384r1"];

/** Size of a new RSA key in bits, as in mender-python-client. */
export const NEW_KEY_BITS = 3072;

/**
 * Reads a private key of any kind that servers know.
 *
 * @param path Only named in errors.
 * @throws {KeyError} `key.damaged`, `key.unknown-type`.
 */
export function parseKey(path: string, pem: string): DeviceKey {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (error) {
    throw damaged(path, "its content is no private key", error);
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = privateKey;
  if (type === "rsa" || type === "ed25519") return deviceKeyOf(privateKey, type);
  if (type !== "ec") throw unknownType(path, type ?? "unknown");
  const curve = details?.namedCurve ?? "unknown";
  if (!CURVES.includes(curve)) throw unknownType(path, `EC on the curve ${curve}`);
  return deviceKeyOf(privateKey, "ec");
}

/** Wraps a private key whose kind was checked. */
export function deviceKeyOf(privateKey: KeyObject, kind: DeviceKeyKind): DeviceKey {
  const pem = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  const digest = kind === "ed25519" ? null : "sha256";
  return {
    publicKeyPem: `${pem.trimEnd()}\n`,
    kind,
    sign: (bytes) => Promise.resolve(sign(digest, bytes, privateKey).toString("base64")),
  };
}

/**
 * Makes a new key. Takes from a fraction of a second to many seconds on a small device; nothing else
 * stands still meanwhile.
 *
 * @returns PKCS#1 PEM of an RSA key of 3072 bits, as mender-python-client writes it.
 */
export async function generateKeyPem(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: NEW_KEY_BITS });
  return privateKey.export({ type: "pkcs1", format: "pem" }).toString();
}
