import { encodeFrame, type FrameInit } from "./frame.ts";
import { writeBytesHead } from "./msgpack_writer.ts";

const ONE_BYTE = new Uint8Array(1);

/**
 * What stands before the body of messages that differ in nothing else, such as the output of one terminal.
 * It is written once, so that each of them costs no more than its body does.
 */
export class FrameHead {
  readonly #alone: Uint8Array;
  readonly #beforeBody: Uint8Array;
  #lastLength = 0;
  #last: Uint8Array;

  /** Writes it. */
  constructor(frame: Omit<FrameInit, "body">) {
    this.#alone = encodeFrame(frame);
    const whole = encodeFrame({ ...frame, body: ONE_BYTE });
    this.#beforeBody = whole.subarray(0, whole.length - 1 - writeBytesHead(1).length);
    this.#last = this.#alone;
  }

  /**
   * What comes before a body of that length: with the body, it is the message that `encodeFrame` makes.
   * It is given out again; nobody may change it.
   */
  before(bodyLength: number): Uint8Array {
    if (bodyLength !== this.#lastLength) {
      this.#lastLength = bodyLength;
      this.#last = bodyLength === 0 ? this.#alone : this.#withLength(bodyLength);
    }
    return this.#last;
  }

  #withLength(bodyLength: number): Uint8Array {
    const lengthForm = writeBytesHead(bodyLength);
    const head = new Uint8Array(this.#beforeBody.length + lengthForm.length);
    head.set(this.#beforeBody);
    head.set(lengthForm, this.#beforeBody.length);
    return head;
  }
}
