import { createPublicKey, generateKeyPair, type KeyObject, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { promisify } from "node:util";

/** Kinds of keys that a Mender server accepts from a device. */
export type DeviceKeyKind = "rsa" | "ec" | "ed25519";

/** The key that proves to the server which device this is. Shows its public half only. */
export interface DeviceKey {
  /** Public half: PEM of a SubjectPublicKeyInfo, ends in a newline. */
  readonly publicKeyPem: string;
  /** What kind of key it is. */
  readonly kind: DeviceKeyKind;
  /**
   * Signs bytes as the server verifies them: RSA PKCS#1 v1.5 over SHA-256, ECDSA over SHA-256 in DER,
   * Ed25519 over the bytes themselves.
   *
   * @returns Standard base64 with padding, on one line.
   */
  sign(bytes: Uint8Array): string;
}

/** Size of a new RSA key in bits, as in mender-python-client. */
export const NEW_KEY_BITS = 3072;

/** Wraps a private key whose kind was checked. */
export function deviceKeyOf(privateKey: KeyObject, kind: DeviceKeyKind): DeviceKey {
  const pem = createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString();
  const digest = kind === "ed25519" ? null : "sha256";
  return {
    publicKeyPem: `${pem.trimEnd()}\n`,
    kind,
    sign: (bytes) => Buffer.from(sign(digest, bytes, privateKey)).toString("base64"),
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
