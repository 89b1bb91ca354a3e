import { messageOf } from "../../core/errors.ts";
import type { FileHandle } from "../../runtime/files/file_driver.ts";
import type { Outbox } from "../outbox.ts";
import { CHUNK_BYTES, chunkFrame, type Frame, WINDOW_BYTES } from "../protocol/internal.ts";
import type { ByteRate } from "./byte_rate.ts";

/** Bytes that are read at a time. */
const READ_BYTES = 10 * CHUNK_BYTES;

/** What sending a file stands on. */
export interface FileSenderParts {
  /** The request, for errors. */
  readonly request: Frame;
  /** The file, open; closed at the end. */
  readonly handle: FileHandle;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Bytes that this device may send. */
  readonly rate: ByteRate;
  /** Told once it is over, and how much was sent; with a text when it failed. */
  onEnd(sentBytes: number, failure?: string): void;
}

/** Sends one file, no further ahead of the peer's acknowledgements than the window. */
export class FileSender {
  readonly #parts: FileSenderParts;
  #read = new Uint8Array(0);
  #sent = 0;
  #acknowledged = 0;
  #isAtEnd = false;
  #isWaiting = false;
  #isOver = false;

  /** Starts sending. */
  constructor(parts: FileSenderParts) {
    this.#parts = parts;
  }

  /** Sends as much as may be sent. */
  pump(): void {
    this.#parts.outbox.batch(() => this.#sendWindow());
  }

  #sendWindow(): void {
    const { outbox, request: { sessionId } } = this.#parts;
    while (!this.#isOver && !this.#isAtEnd && this.#sent - this.#acknowledged < WINDOW_BYTES) {
      if (outbox.isFull) return this.#wait();
      const chunk = this.#next();
      if (chunk === undefined) return;
      outbox.send(chunkFrame(sessionId, this.#sent, chunk));
      this.#sent += chunk.length;
      this.#isAtEnd = chunk.length === 0;
    }
  }

  /** The peer has got everything before `offset`; `undefined`: it does not say what. */
  acknowledge(offset: number | undefined): void {
    if (offset === undefined || offset > this.#sent || offset < this.#acknowledged) {
      return this.#end(`invalid ack: offset ${offset}, where up to ${this.#sent} was sent`);
    }
    this.#acknowledged = offset;
    if (this.#isAtEnd && offset === this.#sent) this.#end();
    else this.pump();
  }

  /** Gives up without a message. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.handle.close();
  }

  #next(): Uint8Array | undefined {
    if (this.#read.length === 0) {
      const buffer = new Uint8Array(READ_BYTES);
      try {
        this.#read = buffer.subarray(0, this.#parts.handle.read(buffer));
      } catch (error) {
        this.#end(`failed to read the file: ${messageOf(error)}`);
        return undefined;
      }
    }
    const chunk = this.#read.subarray(0, CHUNK_BYTES);
    if (!this.#parts.rate.take(chunk.length)) {
      this.#end("transmitted bytes limit exhausted");
      return undefined;
    }
    this.#read = this.#read.subarray(chunk.length);
    return chunk;
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    void this.#parts.outbox.ready().then(() => {
      this.#isWaiting = false;
      this.pump();
    });
  }

  #end(failure?: string): void {
    if (this.#isOver) return;
    this.abort();
    this.#parts.onEnd(this.#sent, failure);
  }
}
