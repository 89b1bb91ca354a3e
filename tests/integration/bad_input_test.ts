import assert from "node:assert/strict";
import { repositoryText } from "../support/repository_text.ts";
import { test } from "../support/test.ts";
import { CHAPTERS } from "./bad_input/chapters.ts";
import { pageRow, rowKey, rowKeys, rowsOfPage } from "./bad_input/page.ts";
import { play, rowName, rowsOf } from "./bad_input/play.ts";

const page = rowsOfPage(repositoryText("docs/bad_input.md"));

for (const chapter of CHAPTERS) {
  for (const input of chapter.inputs) {
    test(`bad input: ${chapter.title}: ${input.input}`, async () => {
      for (const row of input.rows) {
        const [line, code, says] = row;
        const played = await play(input, row);
        const { end, text } = played;
        assert.equal(end.code, code, `${line}: ${end.stderr}`);
        assert.doesNotMatch(end.stderr, /^\s+at .*[:(]\d+/m, line);
        if (says === undefined) assert.equal(text, "", line);
        else assert.match(text, says, line);
        // One error, and at most one line about what to do.
        const errors = end.stderr.split("\n").filter((each) => each.startsWith("Error: "));
        assert.ok(errors.length <= 1, end.stderr);
        const name = rowName(input, row);
        assert.deepEqual(
          page.get(rowKey(chapter, name)),
          pageRow(name, played),
          "docs/bad_input.md says something else: deno run -A scripts/write_bad_input.ts",
        );
      }
    });
  }
}

test("docs/bad_input.md has a row for every bad input, and no other", () => {
  assert.deepEqual([...page.keys()], rowKeys(CHAPTERS));
});

// One of each chapter, as a process of its own with the rights of its command.
for (const chapter of CHAPTERS) {
  const [first] = rowsOf(chapter).filter(([input]) =>
    input.drivers === undefined && input.stdin === undefined
  );
  if (first === undefined) continue;
  const [input, row] = first;
  test(`bad input: ${chapter.title}: a process says what the page says`, async () => {
    const name = rowName(input, row);
    const played = await play(input, row, (rig, args) => rig.run(...args));
    assert.deepEqual(page.get(rowKey(chapter, name)), pageRow(name, played));
  });
}
