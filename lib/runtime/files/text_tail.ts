import { errnoOf, type FileDriver, type FileHandle, refuseSpecialFile } from "./file_driver.ts";

/**
 * Reads the end of a text file that may have grown without bound.
 *
 * @param maxBytes Of a larger file the first part is left out, up to the beginning of a line.
 * @returns The text, or `undefined` when there is no file; bytes that are not UTF-8 become U+FFFD.
 * @throws The runtime's error when it is no file or cannot be read.
 */
export function readTextTail(
  files: FileDriver,
  path: string,
  maxBytes: number,
  options: { follow?: boolean } = {},
): string | undefined {
  refuseSpecialFile(files, path, options);
  let handle: FileHandle;
  try {
    handle = files.open(path, "read", options);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    const skipped = Math.max(0, handle.stat().sizeBytes - maxBytes);
    const bytes = new Uint8Array(maxBytes);
    let size = 0;
    for (let count = -1; count !== 0 && size < maxBytes; size += count) {
      count = handle.read(bytes.subarray(size), skipped + size);
    }
    const text = new TextDecoder().decode(bytes.subarray(0, size));
    return skipped === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    handle.close();
  }
}
