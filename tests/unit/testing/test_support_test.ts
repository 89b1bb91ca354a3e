import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { totalsOf } from "../../../scripts/gate/junit.ts";
import { runProgram } from "../../../scripts/gate/run_program.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const isDeno = "Deno" in globalThis;
const supportFolder = fileURLToPath(new URL("../../support/", import.meta.url));
const support = join(
  supportFolder,
  readdirSync(supportFolder).find((name) => /^test\.[jt]s$/.test(name)) ?? "",
);

/** Runs a test file of its own, and gives how the run ended. */
function runTests(lines: string): Promise<{ code: number; output: string }> {
  return inTemporaryDirectory((dir) => {
    const file = join(dir, "inner_test.mjs");
    writeFileSync(file, `import { test } from ${JSON.stringify(support)};\n${lines}\n`);
    const args = isDeno ? ["test", "-A", "--no-check", "--no-lock", file] : [file];
    const env = { NO_COLOR: "1", NODE_TEST_CONTEXT: "" };
    return runProgram(process.execPath, args, { isQuiet: true, env, cwd: dir, limitMs: 60_000 });
  });
}

test("test() fails a test that takes too long", async () => {
  const { code, output } = await runTests(
    `test("idle", () => new Promise(() => {}), { limitMs: 30 });
test("quick", () => {}, { limitMs: 30_000 });`,
  );
  assert.equal(code, 1, output);
  assert.match(output, /took longer than 0\.03 s/);
  assert.match(output, /\b1 passed|pass 1\b/);
});

test("test() fails a test that leaves a timer, unless it gives a reason", async () => {
  const leak = `test("leaves", () => void setTimeout(() => {}, 60_000)`;
  const plain = await runTests(`${leak});`);
  assert.equal(plain.code, 1, plain.output);
  assert.match(plain.output, /Leaks detected/);
  const told = await runTests(`${leak}, { leaks: "shown here" }); test("next", () => {});`);
  assert.equal(told.code, 0, told.output);
}, { skip: isDeno ? undefined : "Node's runner does not look for leaks" });

test("runProgram() ends a program that takes too long, with all that it started", async () => {
  await inTemporaryDirectory(async (dir) => {
    const script = `(sleep 300; touch ${dir}/late) & echo $! > ${dir}/pid; wait`;
    const { code, output } = await runProgram("/bin/sh", ["-c", script], {
      isQuiet: true,
      limitMs: 500,
    });
    // Its output is closed only when the last process that holds it is gone.
    assert.equal(code, 124);
    assert.match(output, /took longer than 0\.5 s/);
    assert.deepEqual(readdirSync(dir), ["pid"]);
  });
});

test("totalsOf() counts every test of a report, whatever stands in its name", () => {
  const report = `<testsuites>
<testcase name="a -> b" time="1"/>
<testcase name="ends with />" time="1"><failure message="x > y"/></testcase>
<testcase name="plain" time="1"><skipped/></testcase>
<testcase name="last" time="1"></testcase>
</testsuites>`;
  assert.deepEqual(totalsOf(report), { passed: 2, failed: 1, skipped: ["plain"] });
});
