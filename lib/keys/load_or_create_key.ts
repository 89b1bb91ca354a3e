/**
 * The device key: loaded, made at first contact, used to sign. The private half never leaves this
 * folder, neither in a message nor in a log.
 *
 * @module
 */
import { dirname } from "node:path";
import { KeyError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readWhole } from "../runtime/files/file_driver.ts";
import { readOwned } from "../runtime/files/owned_file.ts";
import { setAside } from "../runtime/files/set_aside.ts";
import { type DeviceKey, deviceKeyOf, generateKeyPem } from "./device_key.ts";
import { type KeyContent, readKeyPem } from "./key_pem.ts";

/** Which key is wanted. */
export interface LoadKeyOptions {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** The key file. */
  readonly path: string;
  /** User that this process runs as; a key of the data directory must belong to it. */
  readonly uid: number;
  /** Makes a new key even if there is one (`--forcebootstrap`). */
  readonly force?: boolean;
  /**
   * Whether the key was named in the configuration. Such a key may be a link or belong to another
   * user, and is never made, replaced or changed.
   */
  readonly isStatic?: boolean;
  /** Hears of new keys, keys set aside and open permissions. */
  readonly logger: Logger;
  /** Makes the PEM of a new key; RSA-3072 when absent. */
  readonly generate?: () => Promise<string>;
}

const MAX_KEY_BYTES = 65536;

/**
 * Loads the device key, or makes it at first contact.
 *
 * The server knows the device by this key, so a new one is made only when there is no file, or when
 * it was read whole and is blank or has no trace of PEM; that file is set aside. In every other case
 * the key is left alone and the error says why. Permissions that let others read it are tightened to
 * 0600. A key is written atomically: a power cut leaves the old one or the new one.
 *
 * @throws {KeyError} `key.unreadable`, `key.unsafe-file`, `key.encrypted`, `key.damaged`,
 * `key.unknown-type`, `key.missing` (a key named in the configuration), `key.cannot-write`; all worth
 * trying again later.
 * @see architecture §2
 */
export async function loadOrCreateKey(options: LoadKeyOptions): Promise<DeviceKey> {
  const { path, logger } = options;
  if (options.isStatic === true) {
    if (options.force === true) {
      logger.log("warning", `The key ${path} is named in the configuration and is not replaced`);
    }
    return loadStaticKey(options);
  }
  if (options.force === true) return await createKey(options, false);
  const content = readContent(options);
  if (content?.state === "key") return deviceKeyOf(content.privateKey, content.kind);
  if (content !== undefined) {
    logger.log("error", `The key ${path} cannot be used, a new one is made: ${content.reason}`);
  }
  return await createKey(options, content !== undefined);
}

function loadStaticKey(options: LoadKeyOptions): DeviceKey {
  const { path } = options;
  const content = readContent(options);
  if (content?.state === "key") return deviceKeyOf(content.privateKey, content.kind);
  const reason = content === undefined ? "there is no such file" : content.reason;
  throw new KeyError("key.missing", `Cannot read the key ${path}: ${reason}`, {
    hint: "A key named in mender.conf is never made by the client; put it there",
  });
}

function readContent(options: LoadKeyOptions): KeyContent | undefined {
  const { files, path, uid } = options;
  try {
    if (options.isStatic === true) refuseSpecialFile(files, path);
    const bytes = options.isStatic === true
      ? readWhole(files, path, MAX_KEY_BYTES, { follow: true })
      : readOwned(files, path, uid, MAX_KEY_BYTES);
    if (bytes === undefined) return undefined;
    const content = readKeyPem(path, bytes);
    if (content.state === "key") tighten(options);
    return content;
  } catch (error) {
    if (error instanceof KeyError) throw error;
    const isUnsafe = error instanceof Error && "code" in error &&
      error.code === "runtime.unsafe-file";
    throw new KeyError(
      isUnsafe ? "key.unsafe-file" : "key.unreadable",
      `Cannot read the key ${path}: ${messageOf(error)}`,
      { cause: error, hint: "The key is left as it is; no new one is made" },
    );
  }
}

/** Opening a named pipe would wait for whoever writes into it. */
function refuseSpecialFile(files: FileDriver, path: string): void {
  const kind = files.stat(path, { follow: true })?.kind;
  if (kind === undefined || kind === "file") return;
  throw new KeyError("key.unsafe-file", `Cannot read the key ${path}: it is not a regular file`);
}

/** Shuts the file to others; only warns where the key is not ours to change. */
function tighten({ files, path, isStatic, logger }: LoadKeyOptions): void {
  const mode = files.stat(path, { follow: isStatic === true })?.mode ?? 0;
  if ((mode & 0o077) === 0) return;
  const found = `The key ${path} is open to others (mode ${mode.toString(8).padStart(4, "0")})`;
  if (isStatic === true) {
    logger.log("warning", found);
    return;
  }
  try {
    files.changeMode(path, 0o600);
    logger.log("warning", `${found}; changed to 0600`);
  } catch (error) {
    logger.log("warning", `${found} and cannot be changed`, {}, error);
  }
}

async function createKey(options: LoadKeyOptions, isReplaced: boolean): Promise<DeviceKey> {
  const { files, path, logger } = options;
  const pem = await (options.generate ?? generateKeyPem)();
  const content = readKeyPem(path, new TextEncoder().encode(pem));
  if (content.state !== "key") throw new TypeError("Cannot use what was generated as a key");
  try {
    files.makeDirectory(dirname(path), 0o700);
    if (isReplaced) logger.log("warning", `The old key was set aside: ${setAside(files, path)}`);
    writeFileAtomic(files, path, pem, 0o600);
  } catch (error) {
    throw new KeyError("key.cannot-write", `Cannot write the key ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: "Check that the data directory exists, is writable and has space",
    });
  }
  logger.log("info", `A new device key was made: ${path}`);
  return deviceKeyOf(content.privateKey, content.kind);
}
