import { randomUUID } from "node:crypto";
import { dirname, join } from "../../core/posix_path.ts";
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { FileDriver, FileHandle } from "../../runtime/files/file_driver.ts";
import type { Outbox } from "../outbox.ts";
import { ACK_EVERY_CHUNKS, ackFrame, type Frame, integerProperty } from "../protocol/internal.ts";
import type { ByteRate } from "./byte_rate.ts";
import type { WritableFile } from "./transfer_policy.ts";

/** After so long without a further chunk, what there is gets acknowledged. */
const ACK_AFTER_MS = 5;

/** What receiving a file stands on. */
export interface FileReceiverParts {
  /** ID of the session. */
  readonly sessionId: string;
  /** What is to be written. */
  readonly target: WritableFile;
  /** Largest size; 0 = no limit. */
  readonly maxBytes: number;
  /** Files of the machine. */
  readonly files: FileDriver;
  /** Time. */
  readonly clock: Clock;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Bytes that this device may receive. */
  readonly rate: ByteRate;
  /** Told once it is over, with the message that it ended at; with a text when it failed. */
  onEnd(last: Frame, failure?: string): void;
}

/**
 * Receives one file beside its target, and puts it there once it is whole and durable: only then is the
 * end acknowledged. Until then, or when anything fails, the target is untouched.
 */
export class FileReceiver {
  readonly #parts: FileReceiverParts;
  readonly #path: string;
  readonly #handle: FileHandle;
  #received = 0;
  #lastOffset = 0;
  #unacknowledged = 0;
  #cancelAck = (): void => {};
  #isWhole = false;
  #isOver = false;

  /** Makes the file beside the target. Throws the runtime's error. */
  constructor(parts: FileReceiverParts) {
    this.#parts = parts;
    this.#path = join(dirname(parts.target.path), `.mender-${randomUUID()}.part`);
    this.#handle = parts.files.open(this.#path, "create", {
      permissions: 0o600,
      changes: true,
    });
  }

  /** Takes the next piece; one without bytes is the end. */
  chunk(frame: Frame): void {
    const offset = integerProperty(frame, "offset");
    const { maxBytes, rate } = this.#parts;
    const { length } = frame.body;
    if (this.#isOver) return;
    if (offset === undefined) {
      return this.#end(frame, "invalid file chunk message: missing offset property");
    }
    if (offset !== this.#received) return this.#end(frame, "received unexpected chunk offset");
    if (length === 0) return void this.#finish(frame);
    const isTooLarge = maxBytes > 0 && this.#received + length > maxBytes;
    if (isTooLarge || !rate.take(length)) {
      return this.#end(frame, "transmitted bytes limit exhausted");
    }
    try {
      this.#handle.write(frame.body);
    } catch (error) {
      return this.#end(frame, `failed to write file chunk: ${messageOf(error)}`);
    }
    this.#received += length;
    this.#lastOffset = offset;
    this.#unacknowledged++;
    if (this.#unacknowledged >= ACK_EVERY_CHUNKS) this.#acknowledge();
    else if (this.#unacknowledged === 1) {
      this.#cancelAck = this.#parts.clock.after(ACK_AFTER_MS, () => this.#acknowledge());
    }
  }

  /**
   * Gives up without a message; what was received is removed. A file that is whole already is put in
   * place nevertheless: peers close their session right after the end of an empty one.
   */
  abort(): void {
    if (this.#isWhole) return;
    this.#remove();
  }

  #remove(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelAck();
    this.#handle.close();
    this.#parts.files.remove(this.#path);
  }

  /**
   * The offset is where the last piece began, as peers expect it: one that reads the size of the file
   * takes it for the end.
   */
  #acknowledge(): void {
    this.#cancelAck();
    this.#unacknowledged = 0;
    this.#parts.outbox.send(ackFrame(this.#parts.sessionId, this.#lastOffset));
  }

  async #finish(frame: Frame): Promise<void> {
    const { files, outbox, sessionId, target } = this.#parts;
    this.#cancelAck();
    this.#isWhole = true;
    try {
      await this.#handle.syncInBackground();
      this.#setOwnerAndMode();
      if (!target.allowsOverwrite && files.stat(target.path) !== undefined) {
        return this.#end(frame, "access denied: forbidden to overwrite the file");
      }
      files.rename(this.#path, target.path);
      this.#isOver = true;
      this.#handle.close();
      files.syncDirectory(dirname(target.path));
    } catch (error) {
      return this.#end(frame, `failed to put the file in place: ${messageOf(error)}`);
    }
    outbox.send(ackFrame(sessionId, this.#received));
    this.#parts.onEnd(frame);
  }

  /** The owner first: changing it takes set-id bits away. */
  #setOwnerAndMode(): void {
    const { uid, gid, mode } = this.#parts.target;
    const now = this.#handle.stat();
    const [owner, group] = [uid ?? now.uid, gid ?? now.gid];
    if (owner !== now.uid || group !== now.gid) this.#handle.changeOwner(owner, group);
    this.#handle.changeMode(mode);
  }

  #end(frame: Frame, failure: string): void {
    let told = failure;
    try {
      this.#remove();
    } catch (error) {
      told += `; ${messageOf(error)}`;
    }
    this.#parts.onEnd(frame, told);
  }
}
