import { ConfigError } from "../core/errors.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";

const MAX_BYTES = 1 << 20;

/**
 * Reads a file that the configuration names and that is needed.
 *
 * @param what What cannot be done without it, as in "verify Artifacts".
 * @param key The key that names it.
 * @throws {ConfigError} `config.unreadable`.
 */
export function readRequired(files: FileDriver, path: string, what: string, key: string): string {
  let cause: unknown;
  try {
    const text = readText(files, path, MAX_BYTES, { follow: true });
    if (text !== undefined) return text;
  } catch (error) {
    cause = error;
  }
  const why = cause === undefined ? "there is no such file" : fileReason(cause);
  throw new ConfigError("config.unreadable", `Cannot ${what}: ${path}, named by ${key}: ${why}`, {
    cause,
    hint: `Correct ${key} or the file`,
  });
}
