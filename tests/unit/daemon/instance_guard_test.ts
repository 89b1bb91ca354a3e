import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { isMenderError } from "../../../lib/core/errors.ts";
import { askControl } from "../../../lib/daemon/control/ask_control.ts";
import { guardInstance, type InstanceOptions } from "../../../lib/daemon/instance_guard.ts";
import type { Drivers } from "../../../lib/runtime/drivers.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { SocketDriver } from "../../../lib/runtime/socket_driver.ts";
import { fastClock } from "../../support/fast_clock.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { leaveStaleSocket } from "../../support/stale_socket.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const drivers = await hostDrivers();
const { sockets } = drivers;

function guard(on: Drivers, path: string, more: Partial<InstanceOptions> = {}) {
  return guardInstance(on, path, {
    role: "daemon",
    pid: 4711,
    handler: () => ({ ok: true }),
    logger: logRecorder(),
    signal: new AbortController().signal,
    ...more,
  });
}

test("guardInstance() lets one daemon in and refuses the second, until the first has gone", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const first = await guard(drivers, path);
    for (let at = 0; at < 2; at++) {
      await assert.rejects(
        guard(drivers, path),
        (error) => isMenderError(error, "daemon.already-running") && error.retry === "never",
      );
    }
    await first.close();
    assert.equal(existsSync(path), false);
    await (await guard(drivers, path)).close();
  });
});

test("guardInstance() takes over the socket that a dead daemon left", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    await leaveStaleSocket(path);
    const held = await guard(drivers, path);
    await assert.rejects(
      guard(drivers, path),
      (error) => isMenderError(error, "daemon.already-running"),
    );
    await held.close();
  });
});

test("guardInstance() refuses where it cannot tell that the owner is dead", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    await leaveStaleSocket(path);
    const silent: SocketDriver = {
      ...sockets,
      connectUnix: () => Promise.reject(Object.assign(new Error("x"), { code: "ETIMEDOUT" })),
    };
    await assert.rejects(
      guard({ ...drivers, sockets: silent }, path),
      (error) => isMenderError(error, "daemon.already-running"),
    );
    assert.deepEqual(readdirSync(directory), ["daemon.sock"]);
  });
});

test("guardInstance() where no socket can be bound fails with a store error", async () => {
  await inTemporaryDirectory(async (directory) => {
    writeFileSync(join(directory, "file"), "");
    await assert.rejects(
      guard(drivers, join(directory, "none", "daemon.sock")),
      (error) => isMenderError(error, "store."),
    );
  });
});

const denied: [errno: string, code: string][] = [
  ["EACCES", "store.denied"],
  ["EPERM", "store.denied"],
  ["ENOTCAPABLE", "store."],
];
for (const [errno, code] of denied) {
  test(`guardInstance() takes ${errno} for what it is, not for another daemon`, async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "daemon.sock");
      await leaveStaleSocket(path);
      const closed: SocketDriver = {
        ...sockets,
        connectUnix: () =>
          Promise.reject(
            errno === "ENOTCAPABLE"
              ? Object.assign(new Error("x"), { name: "NotCapable" })
              : Object.assign(new Error("x"), { code: errno }),
          ),
      };
      await assert.rejects(
        guard({ ...drivers, sockets: closed }, path),
        (error) => isMenderError(error, code),
      );
      assert.deepEqual(readdirSync(directory), ["daemon.sock"]);
    });
  });
}

test("guardInstance() says so when the path is too long for a socket", async () => {
  await assert.rejects(
    guard(drivers, `/tmp/${"ä".repeat(60)}/daemon.sock`),
    (error) => isMenderError(error, "store.path-too-long"),
  );
});

test("guardInstance() waits for a report that holds the instance, and says who holds it", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const report = await guard(drivers, path, { role: "report", pid: 99 });
    assert.deepEqual(
      await askControl(drivers, path, { v: 1, do: "hello" }, 5000),
      { ok: true, role: "report", pid: 99 },
    );
    let isIn = false;
    const waiting = guard(drivers, path).then((held) => {
      isIn = true;
      return held;
    });
    // Asked again behind its back: as long as the report answers, nobody else is in.
    for (let at = 0; at < 3; at++) {
      await askControl(drivers, path, { v: 1, do: "hello" }, 5000);
      assert.equal(isIn, false);
    }
    await report.close();
    await (await waiting).close();
  });
});

test("guardInstance() ends its wait for a report when it is told to", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const report = await guard(drivers, path, { role: "report" });
    const stop = new AbortController();
    const waiting = guard(drivers, path, { signal: stop.signal });
    stop.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await report.close();
  });
});

test("guardInstance() ends its wait for the turn of another process when it is told to", async () => {
  await inTemporaryDirectory(async (directory) => {
    writeFileSync(join(directory, ".daemon.sock.turn"), "");
    const controller = new AbortController();
    const waiting = guard(drivers, join(directory, "daemon.sock"), { signal: controller.signal });
    const reason = new Error("SIGTERM");
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(waiting, reason);
    assert.deepEqual(readdirSync(directory), [".daemon.sock.turn"]);
  });
});

test("guardInstance() takes over the turn of a process that died in it", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    writeFileSync(join(directory, ".daemon.sock.turn"), "");
    await (await guard({ ...drivers, clock: fastClock(40) }, path)).close();
    assert.deepEqual(readdirSync(directory), []);
  });
});

test("guardInstance() holds nothing when it cannot give its turn back", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const { files } = faultyFiles(drivers.files, (call) => call === "remove" ? "EROFS" : undefined);
    await assert.rejects(
      guard({ ...drivers, files }, path),
      (error) => isMenderError(error, "store.read-only"),
    );
    assert.deepEqual(readdirSync(directory), [".daemon.sock.turn"]);
    await (await guard({ ...drivers, clock: fastClock(40) }, path)).close();
  });
});

test("guardInstance() leaves the socket of another daemon when it closes", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const first = await guard(drivers, path);
    renameSync(path, join(directory, "away"));
    const second = await guard(drivers, path);
    await first.close();
    (await sockets.connectUnix(path, { timeoutMs: 2000 })).close();
    await second.close();
    assert.deepEqual(readdirSync(directory), ["away"]);
  });
});

test("guardInstance() lets one of two processes in that race for a dead daemon's socket", async () => {
  await inTemporaryDirectory(async (directory) => {
    const racers = [new Racer(), new Racer()];
    try {
      for (let round = 0; round < 20; round++) {
        const path = join(directory, `${round}.sock`);
        await leaveStaleSocket(path);
        const results = await Promise.all(racers.map((one) => one.ask(path)));
        assert.deepEqual(results.sort(), ["daemon.already-running", "holds"], `round ${round}`);
      }
    } finally {
      await Promise.all(racers.map((one) => one.end()));
    }
  });
});

class Racer {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const program = new URL("../../support/instance_racer.ts", import.meta.url);
    const [command = "", ...args] = drivers.self.selfCommand(program, ["-A"]);
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async ask(path: string): Promise<string> {
    this.#child.stdin.write(`${path}\n`);
    return (await this.#lines.next()).value;
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin.end();
    await ended;
  }
}
