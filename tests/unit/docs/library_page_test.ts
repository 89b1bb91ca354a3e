import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { REPOSITORY, repositoryFiles, repositoryText } from "../../support/repository_text.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { codeBlocks } from "./markdown.ts";

const { self } = await hostDrivers();

/** Names of the package, and where they lead to here. */
const MODULES: Readonly<Record<string, URL>> = {
  "mender-deno": new URL("../../../mod.ts", import.meta.url),
  "mender-deno/testing": new URL("../../../lib/testing/mod.ts", import.meta.url),
};

const blocks = codeBlocks(repositoryText("docs/library.md"));
/** Names an example that the block is a copy of. */
const EXAMPLE = /scripts\/examples\/\w+\.ts/;
const programs = blocks.flatMap((block, at) =>
  block.language === "ts" && !EXAMPLE.test(block.text)
    ? [{ text: block.text, output: blocks[at + 1]?.text ?? "" }]
    : []
);

for (const [at, { text, output }] of programs.entries()) {
  test(`docs/library.md: program ${at + 1} prints what the page says`, () =>
    inTemporaryDirectory((directory) => {
      const file = join(directory, "program.mjs");
      writeFileSync(
        file,
        text.replace(/from "(mender-deno[^"]*)"/g, (_, name) => `from "${MODULES[name]?.href}"`),
      );
      const [program = "", ...args] = self.selfCommand(pathToFileURL(file), [
        "-A",
        "--no-check",
        `--config=${join(REPOSITORY, "deno.json")}`,
      ]);
      const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 60_000 });
      assert.equal(stdout, output, stderr);
    }));
}

test("docs/library.md has programs", () => assert.ok(programs.length >= 2));

const examples = blocks.flatMap(({ text }) => {
  const path = EXAMPLE.exec(text)?.[0];
  return path === undefined ? [] : [{ path, text }];
});
for (const { path, text } of examples) {
  test(`docs/library.md shows ${path} as it is`, () => {
    const found = repositoryText(path).replace(/"(?:\.\.\/)+mod\.ts"/g, '"mender-deno"');
    assert.equal(text, found);
  });
}

test("docs/library.md shows every example of the client", () => {
  const shown = examples.map(({ path }) => path).sort();
  const all = repositoryFiles("scripts/examples", ".ts");
  assert.deepEqual(shown, all.filter((path) => !path.endsWith("/hold_updates.ts")).sort());
});
