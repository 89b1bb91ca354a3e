import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";
import { type ClientRig, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const noServer = { serverUrl: "http://127.0.0.1:1" };
const isDeno = "Deno" in globalThis;
const LISTENING = "0A";

/** Ports on which a process listens. */
function listeningPorts(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  const open = new Set(readdirSync(folder).map((fd) => linkOf(`${folder}/${fd}`)));
  const rows = ["tcp", "tcp6"].flatMap((name) =>
    readFileSync(`/proc/${pid}/net/${name}`, "utf8").split("\n").slice(1)
  );
  return rows.map((row) => row.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTENING && open.has(`socket:[${columns[9]}]`))
    .map((columns) => parseInt(columns[1]!.split(":").at(-1)!, 16));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // closed since the directory was read
  }
}

/** A daemon that has started, has no server and tries again about every second. */
async function withDaemon(
  command: (rig: ClientRig) => string[],
  body: (child: ChildProcess, output: () => string) => Promise<void>,
): Promise<void> {
  await withRig(noServer, async (rig) => {
    const [program = "", ...args] = command(rig);
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise((resolve) => child.once("close", resolve));
    let text = "";
    child.stderr?.on("data", (chunk) => text += String(chunk));
    try {
      await waitUntil("an attempt", () => text.includes("auth_requests"), 20_000);
      await body(child, () => text);
      process.kill(child.pid!, "SIGTERM");
      assert.equal(await ended, 0, text);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  });
}

/** Sends a signal, then waits for the daemon's next attempt. */
async function survive(
  signal: NodeJS.Signals,
  child: ChildProcess,
  output: () => string,
): Promise<void> {
  const said = output().length;
  process.kill(child.pid!, signal);
  await waitUntil(`an attempt after ${signal}`, () => {
    assert.deepEqual([child.exitCode, child.signalCode], [null, null], output());
    return output().slice(said).includes("auth_requests");
  });
}

test("the daemon goes on after SIGUSR1, SIGUSR2 and SIGHUP", async () => {
  await withDaemon((rig) => rig.command("daemon"), async (child, output) => {
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) {
      await survive(signal, child, output);
    }
    if (!isDeno) assert.deepEqual(listeningPorts(child.pid!), [], output());
  });
});

test("the daemon shuts the debugger that SIGUSR1 opens, each time", async () => {
  const permitted = (rig: ClientRig): string[] => {
    const [program, ...args] = rig.command("daemon");
    if (isDeno) args.splice(1, 0, "--allow-sys");
    return [program, ...args];
  };
  await withDaemon(permitted, async (child, output) => {
    for (let round = 0; round < 2; round++) {
      await survive("SIGUSR1", child, output);
      await waitUntil("no open port", () => listeningPorts(child.pid!).length === 0);
    }
  });
});

const canBlock = spawnSync("env", ["--block-signal=USR1", "true"]).status === 0;
test("a daemon that is started with SIGUSR1 blocked opens no debugger at all", async () => {
  const blocked = (rig: ClientRig): string[] => [
    "env",
    "--block-signal=USR1",
    ...rig.command("daemon"),
  ];
  await withDaemon(blocked, async (child, output) => {
    await survive("SIGUSR1", child, output);
    assert.deepEqual(listeningPorts(child.pid!), []);
    assert.doesNotMatch(output(), /debugger/i);
  });
}, { skip: canBlock ? undefined : "env knows no --block-signal" });
