import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { repositoryText } from "../../support/repository_text.ts";
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
const programs = blocks.flatMap((block, at) =>
  block.language === "ts" ? [{ text: block.text, output: blocks[at + 1]?.text ?? "" }] : []
);

for (const [at, { text, output }] of programs.entries()) {
  test(`docs/library.md: program ${at + 1} prints what the page says`, () =>
    inTemporaryDirectory((directory) => {
      const file = join(directory, "program.mjs");
      writeFileSync(
        file,
        text.replace(/from "(mender-deno[^"]*)"/g, (_, name) => `from "${MODULES[name]?.href}"`),
      );
      const [program = "", ...args] = self.selfCommand(pathToFileURL(file), ["-A", "--no-check"]);
      const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8", timeout: 60_000 });
      assert.equal(stdout, output, stderr);
    }));
}

test("docs/library.md has programs", () => assert.ok(programs.length >= 2));
