import type { KeyObject } from "node:crypto";
import { type ArtifactDescription, ArtifactReader } from "../../lib/artifact/mod.ts";
import { ArtifactError, isMenderError, StoreError } from "../../lib/core/errors.ts";
import { sleep } from "../../lib/runtime/clock.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import type { FileHandle } from "../../lib/runtime/files/file_driver.ts";
import { fileReason } from "../../lib/runtime/files/file_reason.ts";
import { printable } from "../printable.ts";

/** Name of the first member, with the zero byte behind it. */
const FIRST_NAME = "version\0";
const CHUNK_BYTES = 256 * 1024;
/** Bytes after which a signal gets its turn; reading alone would never let go. */
const TURN_BYTES = 32 * 1024 * 1024;

/** A file that was opened to be read as an Artifact. */
export interface ArtifactSource {
  /** Its path, for messages. */
  readonly path: string;
  /** Its size in bytes. */
  readonly sizeBytes: number;
  /** The open file; whoever opened it closes it. */
  readonly handle: FileHandle;
}

/**
 * Opens a file of which one wants to know whether it is an Artifact. Links are followed.
 *
 * @throws {StoreError} `store.no-artifact`: there is none, it is no regular file, or it cannot be read.
 */
export function openArtifactFile(drivers: Drivers, path: string): ArtifactSource {
  try {
    const info = drivers.files.stat(path, { follow: true });
    if (info === undefined) throw unreadable(path, "there is no such file");
    if (info.kind === "directory") throw unreadable(path, "it is a directory");
    if (info.kind !== "file") throw unreadable(path, "it is not a regular file");
    const handle = drivers.files.open(path, "read", { follow: true });
    return { path, sizeBytes: info.sizeBytes, handle };
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw unreadable(path, fileReason(error), error);
  }
}

/**
 * Reads the whole file through one buffer, and checks it.
 *
 * @throws {ArtifactError} What is wrong with it. @throws {StoreError} `store.no-artifact`.
 * @throws The signal's reason when it is aborted.
 */
export async function readArtifactFile(
  drivers: Drivers,
  source: ArtifactSource,
  verifyKeys: readonly KeyObject[],
  signal: AbortSignal,
): Promise<ArtifactDescription> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  const reader = new ArtifactReader({ verifyKeys });
  try {
    for (let at = 0, turnAt = TURN_BYTES;;) {
      const count = readAt(source, buffer, at);
      if (count === 0) return await reader.finish();
      await reader.push(buffer.subarray(0, count));
      at += count;
      if (at < turnAt) continue;
      turnAt = at + TURN_BYTES;
      await sleep(drivers.clock, 0, signal);
    }
  } catch (error) {
    if (!isMenderError(error, "artifact.") || beginsAsArtifact(source)) throw error;
    const found = source.sizeBytes === 0 ? "it is empty" : "it is not a Mender Artifact";
    const message = `Cannot read the Artifact ${printable(source.path)}: ${found}`;
    throw new ArtifactError(error.code, message, { cause: error, retry: "never" });
  } finally {
    reader.abandon();
  }
}

function readAt({ handle, path }: ArtifactSource, buffer: Uint8Array, position: number): number {
  try {
    return handle.read(buffer, position);
  } catch (cause) {
    throw unreadable(path, fileReason(cause), cause);
  }
}

/** Whether the first member of the archive is that of an Artifact, whatever comes then. */
function beginsAsArtifact(source: ArtifactSource): boolean {
  const name = new Uint8Array(FIRST_NAME.length);
  return readAt(source, name, 0) === name.length && new TextDecoder().decode(name) === FIRST_NAME;
}

function unreadable(path: string, why: string, cause?: unknown): StoreError {
  const message = `Cannot read the Artifact ${printable(path)}: ${why}`;
  return new StoreError("store.no-artifact", message, { cause, retry: "never" });
}
