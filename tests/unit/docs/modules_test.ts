import assert from "node:assert/strict";
import { repositoryFiles, repositoryText } from "../../support/repository_text.ts";
import { test } from "../../support/test.ts";

test("the modules of the program are plain ASCII", () => {
  // Deno keeps the text of any other module twice in memory, for as long as the program runs.
  const modules = ["cli", "lib"].flatMap((folder) => repositoryFiles(folder, ".ts"));
  assert.ok(modules.length > 100);
  // deno-lint-ignore no-control-regex
  assert.deepEqual(modules.filter((path) => /[^\x00-\x7f]/.test(repositoryText(path))), []);
});
