/**
 * Splits a byte stream into lines of text, without their ends.
 *
 * @param maxLength A longer line is cut into pieces of this many characters.
 */
export async function* textLines(
  bytes: AsyncIterable<Uint8Array>,
  maxLength = 65536,
): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of bytes) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    yield* lines.map((line) => line.replace(/\r$/, ""));
    for (; rest.length > maxLength; rest = rest.slice(maxLength)) yield rest.slice(0, maxLength);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/** The chunks of a stream; leaving the loop early cancels it. */
export async function* streamChunks(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  const reader = stream.getReader();
  let isAtEnd = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        isAtEnd = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!isAtEnd) await reader.cancel().catch(() => {}); // already broken: the reader has its error
  }
}
