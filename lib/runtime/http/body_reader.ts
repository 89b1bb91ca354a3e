/** Bytes that are asked for at a time, in a download. */
const BUFFER_BYTES = 512 * 1024;

/**
 * A body that has brought this much, and is fast, is read in whole buffers. What is written then begins and
 * ends where large pages of the file do, which costs the kernel less.
 */
const WHOLE_AFTER_BYTES = 16 * 1024 * 1024;
/**
 * A buffer takes no longer to fill: a slower body is handed on as it comes, so that little has arrived
 * unseen when the connection breaks or falls silent.
 */
const FILL_WITHIN_MS = 250;

/** With how much a read may come back; older runtimes do not look at it. */
type ReadInto = (
  view: Uint8Array<ArrayBuffer>,
  options: { min: number },
) => Promise<{ value?: Uint8Array | undefined }>;

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
 * Opens a body for reading; one that is absent is at its end. Where the stream can fill a buffer of ours,
 * one buffer serves for the whole body: a download of gigabytes then leaves no garbage behind.
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
  const readInto = reader.read.bind(reader) as unknown as ReadInto;
  let buffer = new ArrayBuffer(bufferBytes);
  let taken = 0;
  let fillMs = Infinity;
  return {
    async read() {
      const isWhole = taken >= WHOLE_AFTER_BYTES && fillMs <= FILL_WITHIN_MS;
      const wanted = isWhole ? bufferBytes - taken % bufferBytes : bufferBytes;
      const startedAt = performance.now();
      const view = new Uint8Array(buffer, 0, wanted);
      const { value } = await readInto(view, { min: isWhole ? wanted : 1 });
      // At the end of a body what there is comes together with the end.
      if (value === undefined || value.length === 0) return undefined;
      buffer = value.buffer as ArrayBuffer;
      taken += value.length;
      fillMs = (performance.now() - startedAt) * bufferBytes / value.length;
      return value;
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
