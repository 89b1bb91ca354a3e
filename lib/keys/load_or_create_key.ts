/**
 * The device key: loaded, made at first contact, used to sign. The private half never leaves this
 * folder, neither in a message nor in a log.
 *
 * @module
 */
import { dirname } from "../core/posix_path.ts";
import { isMenderError, KeyError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { writeFileAtomic } from "../runtime/files/atomic_file.ts";
import { type FileDriver, readWhole } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";
import { removeSideFiles, writeNewFile } from "../runtime/files/new_file.ts";
import { readOwned } from "../runtime/files/owned_file.ts";
import { setAside } from "../runtime/files/set_aside.ts";
import { loadModule } from "../runtime/load_module.ts";
import type { DeviceKey } from "./device_key.ts";
import { type KeyContent, readKey } from "./read_key.ts";

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

/** Looks at a file that other processes are just changing. */
const MAX_READ_TRIES = 5;

/**
 * Loads the device key, or makes it at first contact.
 *
 * The server knows the device by this key, so a new one is made only when there is no file, or when
 * it was read whole and is blank or is text without a trace of PEM; that file is set aside. In every
 * other case the key is left alone and the error says why. Permissions that let others read it are
 * tightened to 0600. A key is written atomically: a power cut leaves the old one or the new one. Of
 * several processes that make a key at the same time all get the one that was written first.
 *
 * @throws {KeyError} `key.unreadable`, `key.unsafe-file`, `key.encrypted`, `key.damaged`,
 * `key.unknown-type`, `key.missing` (a key named in the configuration), `key.cannot-write`; all worth
 * trying again later.
 * @see architecture section 2
 */
export async function loadOrCreateKey(options: LoadKeyOptions): Promise<DeviceKey> {
  const { path, logger } = options;
  if (options.isStatic === true) {
    if (options.force === true) {
      logger.log("warning", `The key ${path} is named in the configuration and is not replaced`);
    }
    return await loadStaticKey(options);
  }
  if (options.force === true) return await replaceKey(options);
  const content = await readContent(options);
  if (content?.state === "key") return content.key;
  if (content !== undefined) {
    logger.log("error", `The key ${path} cannot be used, a new one is made: ${content.reason}`);
  }
  return await createKey(options);
}

async function loadStaticKey(options: LoadKeyOptions): Promise<DeviceKey> {
  const { path } = options;
  const content = await readContent(options);
  if (content?.state === "key") return content.key;
  const reason = content === undefined ? "there is no such file" : content.reason;
  throw new KeyError("key.missing", `Cannot read the key ${path}: ${reason}`, {
    hint: "A key named in mender.conf is never made by the client; put it there",
  });
}

async function readContent(options: LoadKeyOptions): Promise<KeyContent | undefined> {
  const { files, path } = options;
  try {
    if (options.isStatic === true) refuseSpecialFile(files, path);
    const bytes = options.isStatic === true
      ? readWhole(files, path, MAX_KEY_BYTES, { follow: true })
      : readOwnedKey(options);
    if (bytes === undefined) return undefined;
    const content = await readKey(path, bytes);
    if (content.state === "key") tighten(options);
    return content;
  } catch (error) {
    if (error instanceof KeyError || isMenderError(error, "runtime.module")) throw error;
    throw new KeyError(
      isMenderError(error, "runtime.unsafe-file") ? "key.unsafe-file" : "key.unreadable",
      `Cannot read the key ${path}: ${fileReason(error)}`,
      { cause: error, hint: "The key is left as it is; no new one is made" },
    );
  }
}

/** While a new key is put in place it has two names for an instant, and after a crash for longer. */
function readOwnedKey({ files, path, uid, logger }: LoadKeyOptions): Uint8Array | undefined {
  for (let tries = 1;; tries++) {
    try {
      return readOwned(files, path, uid, MAX_KEY_BYTES);
    } catch (error) {
      const isMended = tries < MAX_READ_TRIES && isMenderError(error, "runtime.unsafe-file") &&
        (removeSideFiles(files, path) || files.stat(path)?.links === 1);
      if (!isMended) throw error;
      logger.log("debug", `The key ${path} had a second name; it is read again`);
    }
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

/** Makes a key where none is, or where the file holds none. */
async function createKey(options: LoadKeyOptions): Promise<DeviceKey> {
  const { files, path, logger } = options;
  const made = await makeKey(options);
  for (let tries = 0; tries < MAX_READ_TRIES; tries++) {
    // Making one takes long: another process may have made one meanwhile.
    const identity = files.stat(path)?.identity;
    const found = await readContent(options);
    if (found?.state === "key") {
      logger.log("info", `Another process has made the device key meanwhile: ${path}`);
      return found.key;
    }
    const isWritten = writing(options, () => {
      files.makeDirectory(dirname(path), 0o700);
      if (found !== undefined && !setUselessAside(options, identity)) return false;
      return writeNewFile(files, path, made.pem);
    });
    if (!isWritten) continue;
    logger.log("info", `A new device key was made: ${path}`);
    return made.key;
  }
  throw new KeyError("key.cannot-write", `Cannot write the key ${path}: it keeps changing`);
}

/** `false` when it was replaced in the last instant; it stands where it stood then. */
function setUselessAside({ files, path, logger }: LoadKeyOptions, identity?: string): boolean {
  const aside = setAside(files, path);
  if (files.stat(aside)?.identity === identity) {
    logger.log("warning", `The old key was set aside: ${aside}`);
    return true;
  }
  files.link(aside, path);
  files.remove(aside);
  return false;
}

/** Makes a key in the place of any other. */
async function replaceKey(options: LoadKeyOptions): Promise<DeviceKey> {
  const { files, path, logger } = options;
  const made = await makeKey(options);
  writing(options, () => {
    files.makeDirectory(dirname(path), 0o700);
    writeFileAtomic(files, path, made.pem, 0o600);
  });
  logger.log("info", `A new device key was made: ${path}`);
  return made.key;
}

async function generateKeyPem(): Promise<string> {
  return await (await loadModule(() => import("./node_key.ts"))).generateKeyPem();
}

async function makeKey(
  { path, generate = generateKeyPem }: LoadKeyOptions,
): Promise<Extract<KeyContent, { state: "key" }> & { readonly pem: string }> {
  const pem = await generate();
  const content = await readKey(path, new TextEncoder().encode(pem));
  if (content.state !== "key") throw new TypeError("Cannot use what was generated as a key");
  return { ...content, pem };
}

function writing<T>({ path }: LoadKeyOptions, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new KeyError("key.cannot-write", `Cannot write the key ${path}: ${fileReason(error)}`, {
      cause: error,
      hint: "Check that the data directory exists, is writable and has space",
    });
  }
}
