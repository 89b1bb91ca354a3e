import type { DeviceKey } from "./device_key.ts";
import type { KeyLabel } from "./key_block.ts";

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** DER of `AlgorithmIdentifier { rsaEncryption, NULL }`. */
const RSA_IDENTIFIER = Uint8Array.of(
  ...[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00],
);
/** DER of the version of a PKCS#8 key. */
const VERSION = Uint8Array.of(0x02, 0x01, 0x00);

/**
 * Reads an RSA key, which is what nearly every device has, by the Web's cryptography: `node:crypto` would
 * cost a daemon 5 MiB for the whole of its life.
 *
 * @returns `undefined` for everything that is not plainly a sound RSA key: `node:crypto` tells what it is.
 */
export async function readRsaKey(label: KeyLabel, pem: string): Promise<DeviceKey | undefined> {
  try {
    const der = derOf(pem);
    const pkcs8 = label === "RSA PRIVATE KEY"
      ? sequence(0x30, VERSION, RSA_IDENTIFIER, sequence(0x04, der))
      : der;
    if (!isRsa(pkcs8)) return undefined;
    const { subtle } = crypto;
    const key = await subtle.importKey("pkcs8", pkcs8, RSA, true, ["sign"]);
    const { n, e } = await subtle.exportKey("jwk", key);
    const jwk = { kty: "RSA", n: n!, e: e! };
    const publicKey = await subtle.importKey("jwk", jwk, RSA, true, ["verify"]);
    const sign = async (bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> =>
      new Uint8Array(await subtle.sign(RSA, key, bytes as Uint8Array<ArrayBuffer>));
    // A key with a wrong bit may be taken by one library and refused by the other.
    if (!await subtle.verify(RSA, publicKey, await sign(VERSION), VERSION)) return undefined;
    const spki = new Uint8Array(await subtle.exportKey("spki", publicKey));
    return {
      publicKeyPem: pemOf("PUBLIC KEY", spki),
      kind: "rsa",
      sign: async (bytes) => base64(await sign(bytes)),
    };
  } catch {
    return undefined; // whatever is wrong, it is told by who reads it next
  }
}

/** Whether the algorithm, which stands behind a length and the version, is RSA. */
function isRsa(pkcs8: Uint8Array): boolean {
  const at = (pkcs8[1]! < 0x80 ? 2 : 2 + (pkcs8[1]! & 0x7f)) + VERSION.length;
  return RSA_IDENTIFIER.every((byte, offset) => pkcs8[at + offset] === byte);
}

function derOf(pem: string): Uint8Array<ArrayBuffer> {
  const body = pem.replace(/-----[A-Z ]+-----/g, "").replace(/\s/g, "");
  return Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
}

/** A DER value: tag, length, contents. */
function sequence(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Uint8Array.of(tag, ...lengthOf(length), ...parts.flatMap((part) => [...part]));
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function pemOf(label: string, der: Uint8Array): string {
  const lines = base64(der).replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
