import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { readTextTail } from "../../../lib/runtime/files/text_tail.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

const rows: [name: string, content: string, maxBytes: number, expected: string][] = [
  ["a short file whole", "one\ntwo\n", 100, "one\ntwo\n"],
  ["a file of just the limit whole", "one\ntwo\n", 8, "one\ntwo\n"],
  ["the last whole lines of a longer one", "one\ntwo\nthree\n", 12, "two\nthree\n"],
  ["the end of a line that has no beginning", "x".repeat(50), 10, "x".repeat(10)],
  ["no half character", `${"ä".repeat(50)}\nlast`, 8, "last"],
  ["nothing of an empty file", "", 10, ""],
];
for (const [name, content, maxBytes, expected] of rows) {
  test(`readTextTail() reads ${name}`, async () => {
    await inTemporaryDirectory((directory) => {
      writeFileSync(join(directory, "log"), content);
      assert.equal(readTextTail(files, join(directory, "log"), maxBytes), expected);
    });
  });
}

test("readTextTail() reads nothing where there is none, no directory, and links only when asked", async () => {
  await inTemporaryDirectory((directory) => {
    const at = (name: string): string => join(directory, name);
    assert.equal(readTextTail(files, at("none"), 10), undefined);
    mkdirSync(at("folder"));
    assert.throws(() => readTextTail(files, at("folder"), 10));
    writeFileSync(at("log"), "text");
    symlinkSync("log", at("link"));
    assert.throws(() => readTextTail(files, at("link"), 10));
    assert.equal(readTextTail(files, at("link"), 10, { follow: true }), "text");
  });
});
