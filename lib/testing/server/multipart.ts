import { Buffer } from "node:buffer";
import { ServerRefusal } from "./refusal.ts";

/** One part of a `multipart/form-data` body. Its body must be read to the end before the next part. */
export interface FormPart {
  /** Field name. */
  readonly name: string;
  /** File name, when the part is a file. */
  readonly filename: string | undefined;
  /** The bytes as they come. */
  readonly body: AsyncIterable<Uint8Array>;
}

const MAX_PART_HEAD_BYTES = 16 * 1024;

/** The boundary of a `multipart/form-data` content type, or `undefined` when it is another type. */
export function formBoundary(contentType: string | undefined): string | undefined {
  const match = /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]+)"|([^;\s]+))/i
    .exec(contentType ?? "");
  return match === null ? undefined : match[1] ?? match[2];
}

/**
 * Reads a form part by part while it arrives (RFC 7578); nothing is kept but the part at hand.
 *
 * @throws {ServerRefusal} `server.bad-request` when the form is malformed or ends too early.
 */
export async function* readForm(
  source: AsyncIterable<Uint8Array>,
  boundary: string,
): AsyncGenerator<FormPart, void, undefined> {
  const input = new FormInput(source);
  await input.skipPast(Buffer.from(`--${boundary}`));
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  while (await input.startsPart()) {
    const head = await input.takeUntil(Buffer.from("\r\n\r\n"), MAX_PART_HEAD_BYTES);
    const disposition = /^content-disposition:\s*form-data\b(.*)$/im.exec(head)?.[1] ?? "";
    const name = parameterOf(disposition, "name");
    if (name === undefined) throw malformed("a part has no name");
    const body = input.upTo(delimiter);
    yield { name, filename: parameterOf(disposition, "filename"), body };
    for await (const _ of body) { /* what the reader left */ }
  }
}

/** Reads a small part as text. */
export async function partText(part: FormPart, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of part.body) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new ServerRefusal("server.too-large", `the part ${part.name} is too large`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

class FormInput {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async skipPast(mark: Buffer): Promise<void> {
    for await (const _ of this.upTo(mark)) { /* a preamble carries nothing */ }
  }

  /** After a delimiter: a line end opens a part, two hyphens end the form. */
  async startsPart(): Promise<boolean> {
    while (this.#held.length < 2) await this.#more();
    const next = this.#held.toString("latin1", 0, 2);
    this.#held = this.#held.subarray(2);
    if (next === "--") return false;
    if (next === "\r\n") return true;
    throw malformed("a boundary is not followed by a line end");
  }

  async takeUntil(mark: Buffer, maxBytes: number): Promise<string> {
    for (;;) {
      const at = this.#held.indexOf(mark);
      if (at >= 0) {
        const text = this.#held.toString("utf8", 0, at);
        this.#held = this.#held.subarray(at + mark.length);
        return text;
      }
      if (this.#held.length > maxBytes) throw malformed("the head of a part is too long");
      await this.#more();
    }
  }

  /** Everything before `mark`, which is taken as well. A second reading gives what is left of it. */
  upTo(mark: Buffer): AsyncIterable<Uint8Array> {
    let isOver = false;
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      while (!isOver) {
        const at = this.#held.indexOf(mark);
        const safe = at >= 0 ? at : this.#held.length - mark.length + 1;
        if (safe > 0) {
          const value = this.#held.subarray(0, safe);
          this.#held = this.#held.subarray(safe);
          return { done: false, value };
        }
        if (at === 0) {
          this.#held = this.#held.subarray(mark.length);
          isOver = true;
        } else await this.#more();
      }
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done === true) throw malformed("it ends before its last boundary");
    this.#held = this.#held.length === 0 ? Buffer.from(value) : Buffer.concat([this.#held, value]);
  }
}

function parameterOf(disposition: string, name: string): string | undefined {
  return new RegExp(`;\\s*${name}="((?:[^"\\\\]|\\\\.)*)"`, "i").exec(disposition)?.[1]
    ?.replace(/\\(.)/g, "$1");
}

function malformed(why: string): ServerRefusal {
  return new ServerRefusal("server.bad-request", `cannot read the form: ${why}`);
}
