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
    for (const line of lines) yield* piecesOf(line.replace(/\r$/, ""), maxLength);
    for (; rest.length > maxLength; rest = rest.slice(maxLength)) yield rest.slice(0, maxLength);
  }
  rest += decoder.decode();
  if (rest !== "") yield* piecesOf(rest, maxLength);
}

function* piecesOf(line: string, maxLength: number): Generator<string, void> {
  let at = 0;
  do yield line.slice(at, at + maxLength); while ((at += maxLength) < line.length);
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
