import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { readText } from "../../../lib/runtime/files/file_driver.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files, processes } = await hostDrivers();

test("readText() reads a file that another process makes, replaces and removes all the time", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "state");
    const command = join(directory, "replace.sh");
    writeFileSync(
      command,
      `#!/bin/sh
i=0
while [ $i -lt 400 ]; do
  echo "whole $i" >"$1.new"; mv "$1.new" "$1"
  echo "whole $i" >"$1.new"; mv "$1.new" "$1"
  rm "$1"
  i=$((i + 1))
done
`,
      { mode: 0o755 },
    );
    let isOver = false;
    const run = processes.run({ command, args: [path], timeoutMs: 60_000, maxOutputBytes: 1000 })
      .finally(() => isOver = true);
    let seen = 0;
    while (!isOver) {
      for (let n = 0; n < 200; n++) {
        const text = readText(files, path);
        if (text === undefined) continue;
        seen++;
        assert.match(text, /^whole \d+\n$/);
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
    assert.equal((await run).code, 0);
    assert.ok(seen > 0);
  });
});
