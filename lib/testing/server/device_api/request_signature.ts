import { Buffer } from "node:buffer";
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { ServerRefusal } from "../refusal.ts";

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** P-224, P-256, P-384 and P-521, as OpenSSL calls them. */
const CURVES = new Set(["secp224r1", "prime256v1", "secp384r1", "secp521r1"]);

/**
 * Reads the public key of a device: PEM of type `PUBLIC KEY`; RSA, Ed25519, or ECDSA on one of the
 * curves of NIST that the real server knows.
 *
 * @throws {ServerRefusal} `server.bad-request` for anything else.
 */
export function readPublicKey(pem: unknown): KeyObject {
  if (typeof pem !== "string" || !/^\s*-----BEGIN PUBLIC KEY-----/.test(pem)) {
    throw new ServerRefusal("server.bad-request", "cannot decode public key");
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    throw new ServerRefusal("server.bad-request", "cannot decode public key", { cause: error });
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa" || type === "ed25519") return key;
  if (type === "ec" && CURVES.has(details?.namedCurve ?? "")) return key;
  throw new ServerRefusal("server.bad-request", "unsupported type of public key");
}

/**
 * Whether `signature` (standard base64, padded) is the key's over exactly these bytes: PKCS#1 v1.5 or
 * ECDSA in DER over SHA-256, Ed25519 over the bytes themselves (device-api section 1).
 */
export function isSignedBy(key: KeyObject, bytes: Uint8Array, signature: string): boolean {
  if (!BASE64.test(signature)) return false;
  const raw = Buffer.from(signature, "base64");
  try {
    return key.asymmetricKeyType === "ed25519"
      ? verify(null, bytes, key, raw)
      : verify("sha256", bytes, { key, dsaEncoding: "der" }, raw);
  } catch {
    return false; // the runtimes differ in whether a malformed signature throws
  }
}
