/** Bytes that are asked for at a time, in a download. */
const BUFFER_BYTES = 512 * 1024;

/** Reads a body piece by piece; a piece is valid until the next one is asked for. */
export interface BodyReader {
  /** The next piece, or `undefined` at the end. Rejects when the connection breaks. */
  read(): Promise<Uint8Array | undefined>;
  /** Gives the body up. */
  cancel(): Promise<void>;
}

const NOTHING: BodyReader = {
  read: () => Promise.resolve(undefined),
  cancel: () => Promise.resolve(),
};

/**
 * Opens a body for reading; one that is absent is at its end. Where the stream can fill a buffer of ours, one buffer serves for the whole
 * body: a download of gigabytes then leaves no garbage behind.
 *
 * @param bufferBytes Size of that buffer.
 */
export function readBody(
  body: ReadableStream<Uint8Array> | undefined,
  bufferBytes = BUFFER_BYTES,
): BodyReader {
  if (body === undefined) return NOTHING;
  return intoOneBuffer(body, bufferBytes) ?? asItComes(body);
}

function intoOneBuffer(
  body: ReadableStream<Uint8Array>,
  bufferBytes: number,
): BodyReader | undefined {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch (error) {
    if (error instanceof TypeError) return undefined; // no byte stream
    throw error;
  }
  let buffer = new ArrayBuffer(bufferBytes);
  return {
    async read() {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (value !== undefined) buffer = value.buffer as ArrayBuffer;
      return done || value === undefined ? undefined : value;
    },
    cancel: () => reader.cancel(),
  };
}

function asItComes(body: ReadableStream<Uint8Array>): BodyReader {
  const reader = body.getReader();
  return {
    async read() {
      const { done, value } = await reader.read();
      return done ? undefined : value;
    },
    cancel: () => reader.cancel(),
  };
}
