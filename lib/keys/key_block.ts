import { KeyError } from "../core/errors.ts";

/** What the content of a key file is. */
export type KeyBlock =
  | { readonly state: "key"; readonly label: KeyLabel; readonly pem: string }
  | { readonly state: "no-key"; readonly reason: "it is empty" | "it holds no PEM" };

/** Labels of the PEM blocks that hold a private key: PKCS#8, PKCS#1, SEC1. */
export type KeyLabel = "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY";

/**
 * Finds the block with the private key in the content of a file. Blocks before it, such as the parameters that
 * openssl writes before an EC key, are skipped.
 *
 * @param path Only named in errors.
 * @returns The block; or `no-key` when the file is blank or is plain text without a trace of PEM, the only
 * contents that may be replaced by a new key.
 * @throws {KeyError} `key.encrypted`, `key.damaged`, `key.unknown-type`; all are tried again later,
 * because a person may put the right file there.
 */
export function findKeyBlock(path: string, content: Uint8Array): KeyBlock {
  const text = new TextDecoder("latin1").decode(content);
  if (/^[\s\0]*$/.test(text)) return { state: "no-key", reason: "it is empty" };
  if (!/-----(BEGIN|END)/.test(text)) {
    if (isPlainText(content)) return { state: "no-key", reason: "it holds no PEM" };
    throw damaged(path, "it holds no PEM, and is no text either (a key in DER?)");
  }
  const labels = [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map((match) => match[1]!);
  if (labels.includes("ENCRYPTED PRIVATE KEY") || /^Proc-Type:.*ENCRYPTED/m.test(text)) {
    throw new KeyError("key.encrypted", `Cannot read the key ${path}: it is encrypted`, {
      hint: "Keys with a passphrase are not supported; store the key without one, mode 0600",
    });
  }
  const label = labels.find(isPrivate);
  if (label === undefined) {
    throw labels.length === 0
      ? damaged(path, "its first PEM line is missing")
      : unknownType(path, labels.join(", "));
  }
  const begin = text.indexOf(`-----BEGIN ${label}-----`);
  const last = `-----END ${label}-----`;
  const end = text.indexOf(last, begin);
  if (end < 0) throw damaged(path, "its last PEM line is missing");
  return { state: "key", label, pem: `${text.slice(begin, end + last.length)}\n` };
}

function isPrivate(label: string): label is KeyLabel {
  return /^(RSA |EC )?PRIVATE KEY$/.test(label);
}

function isPlainText(content: Uint8Array): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(content);
    return !/\p{Cc}/u.test(text.replace(/[\t\r\n]/g, ""));
  } catch {
    return false; // not UTF-8
  }
}

/** A key that cannot be read. */
export function damaged(path: string, reason: string, cause?: unknown): KeyError {
  return new KeyError("key.damaged", `Cannot read the key ${path}: ${reason}`, {
    cause,
    hint:
      "Restore it from a backup, or make a new key with --forcebootstrap: a new device to the server",
  });
}

/** A key of a kind that servers do not know. */
export function unknownType(path: string, found: string): KeyError {
  return new KeyError(
    "key.unknown-type",
    `Cannot use the key ${path}: wanted an RSA, EC (P-256, P-384) or Ed25519 private key, found ${found}`,
    { hint: "Put the right key there, or make a new one with --forcebootstrap" },
  );
}
