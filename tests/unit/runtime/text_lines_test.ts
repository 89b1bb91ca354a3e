import assert from "node:assert/strict";
import { streamChunks, textLines } from "../../../lib/runtime/text_lines.ts";
import { test } from "../../support/test.ts";

const euro = [0xe2, 0x82, 0xac];

async function linesOf(chunks: (string | number[])[], maxLength?: number): Promise<string[]> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) {
      await Promise.resolve();
      yield typeof chunk === "string" ? new TextEncoder().encode(chunk) : new Uint8Array(chunk);
    }
  }
  const lines: string[] = [];
  for await (const line of textLines(source(), maxLength)) lines.push(line);
  return lines;
}

const rows: [name: string, chunks: (string | number[])[], expected: string[], max?: number][] = [
  ["lines in one chunk", ["a\nb\n"], ["a", "b"]],
  ["a line over several chunks", ["a", "b", "c\nd\n"], ["abc", "d"]],
  ["a last line without an end", ["a\nb"], ["a", "b"]],
  ["blank lines", ["\n\na\n"], ["", "", "a"]],
  ["ends of Windows", ["a\r\nb\r", "\nc\r\n"], ["a", "b", "c"]],
  ["a carriage return inside a line", ["a\rb\n"], ["a\rb"]],
  ["a character over three chunks", [[euro[0]!], [euro[1]!], [euro[2]!, 10]], ["€"]],
  ["half a character at the end", [[0x61, euro[0]!, euro[1]!]], ["a\ufffd"]],
  ["bytes that are no text", [[0xff, 0x61, 10]], ["\ufffda"]],
  ["a long line that comes in pieces", ["abcdef", "ghij", "\nk\n"], ["abcd", "efgh", "ij", "k"], 4],
  ["a long line that comes at once", ["abcdefghij\nk\n"], ["abcd", "efgh", "ij", "k"], 4],
  ["a long line without an end", ["abcdefghij"], ["abcd", "efgh", "ij"], 4],
  ["a line of just the limit", ["abcd\nefgh\n"], ["abcd", "efgh"], 4],
  ["nothing", [], []],
];
for (const [name, chunks, expected, max] of rows) {
  test(`textLines() reads ${name}`, async () => {
    assert.deepEqual(await linesOf(chunks, max), expected);
  });
}

test("streamChunks() cancels the stream when its reader leaves early", async () => {
  let reason = "not cancelled";
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(3)),
    cancel: () => void (reason = "cancelled"),
  });
  for await (const chunk of streamChunks(stream)) {
    assert.equal(chunk.length, 3);
    break;
  }
  assert.equal(reason, "cancelled");
});

test("streamChunks() ends with the stream and throws its error", async () => {
  const whole = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
  let count = 0;
  for await (const chunk of streamChunks(whole)) count += chunk.length;
  assert.equal(count, 1);
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error("broken")),
  });
  await assert.rejects(streamChunks(broken).next(), /broken/);
});
