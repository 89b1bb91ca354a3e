import type { Logger } from "../core/logger.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";

const FINGERPRINT = /^[0-9a-f]{16}$/;

/** What is remembered of an identity, and where. */
export interface IdentityMemory {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** File that holds the fingerprint of the identity that was used last. */
  readonly path: string;
  /** Hears of a change. */
  readonly logger: Logger;
}

/**
 * Tells when the identity is another one than at the last time, also after a restart: the server takes
 * the device for a new one then. The identity itself, which may name a person, is neither stored nor
 * told, only the start of its SHA-256.
 *
 * What cannot be read or stored is told and does no harm: at worst a change is told again, or missed.
 *
 * @param identity JSON text of the identity, as `encodeIdentity` makes it.
 */
export async function noteIdentity(
  { files, path, logger }: IdentityMemory,
  identity: string,
): Promise<void> {
  const now = await fingerprintOf(identity);
  try {
    const before = readText(files, path, 64)?.trim();
    if (before === now) return;
    if (before !== undefined && FINGERPRINT.test(before)) {
      logger.log(
        "warning",
        `The identity has changed since the last time (fingerprint ${before} before, ${now} now): ` +
          "to the server this is a new device",
        { hint: "If it should be the same device, look at what the identity script prints" },
      );
    }
    writeFileAtomic(files, path, `${now}\n`, 0o600);
  } catch (error) {
    logger.log("warning", `Cannot remember the fingerprint of the identity in ${path}`, {}, error);
  }
}

async function fingerprintOf(identity: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(identity));
  const start = [...new Uint8Array(digest, 0, 8)];
  return start.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
