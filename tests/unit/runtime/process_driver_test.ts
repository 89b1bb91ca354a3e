import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { parseProcessIdentity } from "../../../lib/runtime/processes/process_starter.ts";
import { serviceScript } from "../../../lib/runtime/processes/service_script.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const { processes, self } = await hostDrivers();

function script(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

const limits = { timeoutMs: 5000, maxOutputBytes: 1000 };
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("run() gives both outputs, the exit code, and passes variables on", async () => {
  await inTemporaryDirectory(async (directory) => {
    const command = script(directory, "talk", 'echo "out $1 $GREETING"; echo err >&2; exit 3');
    const result = await processes.run({
      command,
      args: ["x y"],
      env: { GREETING: "hello" },
      ...limits,
    });
    assert.equal(result.code, 3);
    assert.equal(decode(result.stdout), "out x y hello\n");
    assert.equal(decode(result.stderr), "err\n");
    assert.deepEqual([result.isTimedOut, result.isTruncated], [false, false]);
  });
});

test("run() keeps the first bytes of an endless output and reads on", async () => {
  await inTemporaryDirectory(async (directory) => {
    const command = script(directory, "flood", "head -c 3000000 /dev/zero | tr '\\0' x");
    const result = await processes.run({ command, ...limits });
    assert.equal(result.code, 0);
    assert.equal(result.stdout.length, 1000);
    assert.equal(result.isTruncated, true);
  });
});

test("run() kills a program that hangs, and all that it started", async () => {
  await inTemporaryDirectory(async (directory) => {
    const pidFile = join(directory, "pid");
    const command = script(directory, "hang", `sleep 600 & echo $! > ${pidFile}; echo begun; wait`);
    const start = performance.now();
    const result = await processes.run({ command, timeoutMs: 400, maxOutputBytes: 1000 });
    assert.equal(result.isTimedOut, true);
    assert.equal(decode(result.stdout), "begun\n");
    assert.ok(performance.now() - start < 3000);
    const child = Number(readFileSync(pidFile, "utf8"));
    await waitUntil("the end of the grandchild", async () => {
      const { startTime } = await processes.identify(child);
      return startTime === undefined || isZombie(child);
    });
  });
});

test("run() ends early when its signal is aborted", async () => {
  await inTemporaryDirectory(async (directory) => {
    const controller = new AbortController();
    const command = script(directory, "hang", "sleep 600");
    const running = processes.run({ command, ...limits, signal: controller.signal });
    controller.abort();
    assert.equal((await running).isTimedOut, true);
  });
});

test("run() of a program that is missing or not executable ends with 126 or 127", async () => {
  await inTemporaryDirectory(async (directory) => {
    const missing = await processes.run({ command: join(directory, "none"), ...limits });
    assert.equal(missing.code, 127);
    const plain = join(directory, "plain");
    writeFileSync(plain, "x");
    chmodSync(plain, 0o644);
    assert.equal((await processes.run({ command: plain, ...limits })).code, 126);
  });
});

test("run() without a descriptor left fails as an error of the system and nothing dies", async () => {
  await inTemporaryDirectory(async (directory) => {
    const program = join(directory, "starved.mjs");
    const host = new URL("../../../lib/runtime/host.ts", import.meta.url).href;
    writeFileSync(
      program,
      `import { openSync, closeSync } from "node:fs";
const { processes, self } = await (await import(${JSON.stringify(host)})).hostDrivers();
const run = () => processes.run({ command: "/bin/true", timeoutMs: 5000, maxOutputBytes: 10 });
await run();
const open = [];
try { for (;;) open.push(openSync("/dev/null", "r")); } catch {}
const result = await run().then(() => "started", (error) => error instanceof Error ? "failed" : "?");
for (const fd of open) closeSync(fd);
self.writeOut(result + " " + (await run()).code);
self.exit(0);
`,
    );
    const [command = "", ...args] = self.selfCommand(pathToFileURL(program), ["-A"]);
    const result = await processes.run({
      command: script(directory, "limited", 'ulimit -n 64; exec "$@"'),
      args: [command, ...args],
      timeoutMs: 30_000,
      maxOutputBytes: 5000,
    });
    assert.equal(decode(result.stdout), "failed 0", decode(result.stderr));
  });
});

for (const shell of ["sh", "bash"]) {
  const isThere = spawnSync(shell, ["-c", ":"]).status === 0;
  test(`run_bounded.sh under ${shell} adds nothing to what a killed program says`, async () => {
    await inTemporaryDirectory(async (directory) => {
      const command = script(directory, "killed", "echo mine >&2; kill -9 $$");
      const child = spawn(shell, [serviceScript("run_bounded.sh"), command], { stdio: "pipe" });
      let said = "";
      child.stderr.on("data", (chunk) => said += String(chunk));
      const code = await new Promise((resolve) => child.once("close", resolve));
      assert.deepEqual([code, said], [137, "mine\n"]);
    });
  }, { skip: isThere ? undefined : `there is no ${shell}` });
}

test("identify() tells a process from one that is gone, and names the boot", async () => {
  const ours = await processes.identify(process.pid);
  assert.match(ours.startTime ?? "", /^\d+$/);
  const gone = await processes.identify(2 ** 22 + 1);
  assert.equal(gone.startTime, undefined);
  assert.equal(gone.bootId, ours.bootId);
});

test("startDetached() through handoff.sh leaves a marker that identifies the started program", async () => {
  await inTemporaryDirectory(async (directory) => {
    const [marker, log] = [join(directory, "marker"), join(directory, "log")];
    const command = script(directory, "updater", 'echo "installing $1"; echo oops >&2');
    const pid = processes.startDetached({
      command: serviceScript("handoff.sh"),
      args: [marker, log, command, "a.mender"],
    });
    await waitUntil("output", () => existsSync(log) && readFileSync(log, "utf8").includes("oops"));
    assert.equal(readFileSync(log, "utf8"), "installing a.mender\noops\n");
    const [markedPid, ...rest] = readFileSync(marker, "utf8").split("\n");
    assert.equal(Number(markedPid), pid);
    assert.match(parseProcessIdentity(rest.join("\n")).startTime ?? "", /^\d+$/);
  });
});

function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return true; // gone altogether
  }
}

test("of several handoff.sh for one marker, one starts the program and the others end", async () => {
  await inTemporaryDirectory(async (directory) => {
    const [marker, log] = [join(directory, "marker"), join(directory, "log")];
    const command = script(directory, "updater", "echo started; sleep 0.2; echo ended");
    const pids = Array.from({ length: 6 }, () =>
      processes.startDetached({
        command: serviceScript("handoff.sh"),
        args: [marker, log, command],
      }));
    for (const pid of pids) {
      await waitUntil(
        "the end",
        async () => (await processes.identify(pid)).startTime === undefined,
      );
    }
    assert.equal(readFileSync(log, "utf8"), "started\nended\n");
    assert.ok(pids.includes(Number(readFileSync(marker, "utf8").split("\n")[0])));
    assert.deepEqual(readdirSync(directory).sort(), ["log", "marker", "updater"]);
  });
});
