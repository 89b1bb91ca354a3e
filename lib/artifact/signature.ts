import { Buffer } from "node:buffer";
import { constants, type KeyObject, verify } from "node:crypto";
import { refusal } from "./refusal.ts";
import { signatureScheme } from "./verify_keys.ts";

/** Bytes of an ECDSA P-256 signature as r and s, each filled up to 32 bytes. */
const RAW_ECDSA_BYTES = 64;

/**
 * Finds the key whose signature over the manifest is in `manifest.sig`.
 *
 * RSA: PKCS#1 v1.5; ECDSA P-256: r and s behind each other, big-endian, and DER as hardware modules write it; SHA-256 in
 * all cases, over the manifest exactly as it stands in the Artifact.
 *
 * @param signatureFile Content of `manifest.sig`: the signature in base64, line ends ignored.
 * @param keys At least one public key.
 * @throws {ArtifactError} `artifact.bad-signature`: no key fits, or the file is no base64.
 * @see artifact-format section 3
 */
export function findSigner(
  manifest: Uint8Array,
  signatureFile: Uint8Array,
  keys: readonly KeyObject[],
): KeyObject {
  const signature = decodeBase64(signatureFile);
  const causes: unknown[] = [];
  for (const key of keys) {
    try {
      if (isSignedBy(manifest, signature, key)) return key;
    } catch (error) { // a signature that is not even of the right form for this key
      causes.push(error);
    }
  }
  throw refusal(
    "artifact.bad-signature",
    `its signature fits none of the ${keys.length} verification key(s)`,
    {
      cause: causes.length === 0 ? undefined : new AggregateError(causes, "Verification failed"),
      hint: "Check that the Artifact was signed with the key that this device trusts",
    },
  );
}

function isSignedBy(manifest: Uint8Array, signature: Buffer, key: KeyObject): boolean {
  switch (signatureScheme(key)) {
    case "rsa":
      return verify("sha256", manifest, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    case "ecdsa":
      if (
        signature.length === RAW_ECDSA_BYTES &&
        verify("sha256", manifest, { key, dsaEncoding: "ieee-p1363" }, signature)
      ) return true;
      return verify("sha256", manifest, { key, dsaEncoding: "der" }, signature);
    case undefined:
      return false;
  }
}

function decodeBase64(file: Uint8Array): Buffer {
  const text = Buffer.from(file.buffer, file.byteOffset, file.length).toString("latin1")
    .replace(/[\r\n]+/g, "");
  const bytes = Buffer.from(text, "base64");
  // The decoder skips what it does not understand; writing it back shows whether it did.
  if (text !== "" && bytes.toString("base64") === text) return bytes;
  throw refusal("artifact.bad-signature", `"manifest.sig" is not base64`);
}
