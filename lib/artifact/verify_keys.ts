import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { ConfigError } from "../core/errors.ts";

/** A public key as it was read from its file. */
export interface VerifyKeyText {
  /** Path of the file, for messages. */
  readonly path: string;
  /** Its content: one public key in PEM. */
  readonly text: string;
}

const PUBLIC_PEM = /^-----BEGIN (RSA )?PUBLIC KEY-----$/m;
const HINT = "Write the public key with: openssl pkey -in private.pem -pubout";

/**
 * Reads the keys that Artifacts are verified with (`ArtifactVerifyKeys`): RSA or ECDSA P-256.
 *
 * All or nothing: a key that is configured but cannot be used must not turn into fewer keys, let
 * alone into none, which would accept unsigned Artifacts.
 *
 * @throws {ConfigError} `config.bad-verify-key`, naming the file.
 */
export function readVerifyKeys(files: readonly VerifyKeyText[]): KeyObject[] {
  return files.map(({ path, text }) => readVerifyKey(path, text));
}

/** SHA-256 over the key in DER (SubjectPublicKeyInfo), in lower-case hexadecimal. */
export function keyFingerprint(key: KeyObject): string {
  return createHash("sha256").update(key.export({ type: "spki", format: "der" })).digest("hex");
}

/** How signatures of a key are verified; `undefined` when Artifacts cannot be signed with it. */
export function signatureScheme(key: KeyObject): "rsa" | "ecdsa" | undefined {
  if (key.type !== "public") return undefined;
  if (key.asymmetricKeyType === "rsa") return "rsa";
  const isP256 = key.asymmetricKeyType === "ec" &&
    key.asymmetricKeyDetails?.namedCurve === "prime256v1";
  return isP256 ? "ecdsa" : undefined;
}

function readVerifyKey(path: string, text: string): KeyObject {
  const unusable = (why: string, cause?: unknown) =>
    new ConfigError(
      "config.bad-verify-key",
      `Cannot use the Artifact verification key ${JSON.stringify(path)}: ${why}`,
      { cause, hint: HINT, retry: "never" },
    );
  // A private key has no business on the device, though a public one could be made of it.
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw unusable("it is a private key, wanted a public one");
  }
  if (!PUBLIC_PEM.test(text)) throw unusable("it is not a public key in PEM");
  let key: KeyObject;
  try {
    key = createPublicKey({ key: text, format: "pem" });
  } catch (cause) {
    throw unusable("its content cannot be read as a public key", cause);
  }
  if (signatureScheme(key) === undefined) {
    const found = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType;
    throw unusable(`wanted RSA or ECDSA P-256, found ${found}`);
  }
  return key;
}
