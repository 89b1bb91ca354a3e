import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

test("identify() takes a process that ended, but was not waited for, as gone", async () => {
  const { processes } = await hostDrivers();
  // The program that the shell becomes knows nothing of the shell's child, and never waits for it.
  const script = "sleep 30 >/dev/null & echo $!; exec sleep 30";
  const parent = spawn("/bin/sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = new Promise<void>((resolve) => parent.on("close", () => resolve()));
  let child = 0;
  try {
    let output = "";
    parent.stdout.on("data", (chunk) => output += String(chunk));
    child = Number(await waitUntil("the child", () => /^\d+(?=\n)/.exec(output)?.[0]));
    await waitUntil("the parent forgets its child", () => commandOf(parent.pid).includes("sleep"));
    assert.match((await processes.identify(child)).startTime ?? "", /^\d+$/);
    process.kill(child, "SIGKILL");
    await waitUntil("the zombie", () => / Z /.test(readFileSync(`/proc/${child}/stat`, "utf8")));
    const zombie = await processes.identify(child);
    assert.equal(zombie.startTime, undefined);
    assert.match(zombie.bootId, /^[0-9a-f-]{36}$/);
  } finally {
    parent.kill("SIGKILL");
    await ended;
  }
});

function commandOf(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8");
}
