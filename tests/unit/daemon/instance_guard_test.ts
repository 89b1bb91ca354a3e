import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { isMenderError } from "../../../lib/core/errors.ts";
import { guardInstance } from "../../../lib/daemon/instance_guard.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { SocketDriver } from "../../../lib/runtime/socket_driver.ts";
import { fastClock } from "../../support/fast_clock.ts";
import { leaveStaleSocket } from "../../support/stale_socket.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const drivers = await hostDrivers();
const { sockets } = drivers;

test("guardInstance() lets one daemon in and refuses the second, until the first has gone", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const first = await guardInstance(drivers, path);
    for (let at = 0; at < 2; at++) {
      await assert.rejects(
        guardInstance(drivers, path),
        (error) => isMenderError(error, "daemon.already-running") && error.retry === "never",
      );
    }
    await first.close();
    assert.equal(existsSync(path), false);
    await (await guardInstance(drivers, path)).close();
  });
});

test("guardInstance() takes over the socket that a dead daemon left", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    await leaveStaleSocket(path);
    const guard = await guardInstance(drivers, path);
    await assert.rejects(
      guardInstance(drivers, path),
      (error) => isMenderError(error, "daemon.already-running"),
    );
    await guard.close();
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
      guardInstance({ ...drivers, sockets: silent }, path),
      (error) => isMenderError(error, "daemon.already-running"),
    );
    assert.deepEqual(readdirSync(directory), ["daemon.sock"]);
  });
});

test("guardInstance() where no socket can be bound fails with a store error", async () => {
  await inTemporaryDirectory(async (directory) => {
    writeFileSync(join(directory, "file"), "");
    await assert.rejects(
      guardInstance(drivers, join(directory, "none", "daemon.sock")),
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
        guardInstance({ ...drivers, sockets: closed }, path),
        (error) => isMenderError(error, code),
      );
      assert.deepEqual(readdirSync(directory), ["daemon.sock"]);
    });
  });
}

test("guardInstance() says so when the path is too long for a socket", async () => {
  await assert.rejects(
    guardInstance(drivers, `/tmp/${"ä".repeat(60)}/daemon.sock`),
    (error) => isMenderError(error, "store.path-too-long"),
  );
});

test("guardInstance() takes over the turn of a process that died in it", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    writeFileSync(join(directory, ".daemon.sock.turn"), "");
    await (await guardInstance({ ...drivers, clock: fastClock(40) }, path)).close();
    assert.deepEqual(readdirSync(directory), []);
  });
});

test("guardInstance() leaves the socket of another daemon when it closes", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const first = await guardInstance(drivers, path);
    renameSync(path, join(directory, "away"));
    const second = await guardInstance(drivers, path);
    await first.close();
    (await sockets.connectUnix(path, { timeoutMs: 2000 })).close();
    await second.close();
    assert.deepEqual(readdirSync(directory), ["away"]);
  });
});

test("guardInstance() lets one of two processes in that race for a dead daemon's socket", async () => {
  await inTemporaryDirectory(async (directory) => {
    const program = join(directory, "racer.mjs");
    const modules = ["../../../lib/daemon/instance_guard.ts", "../../../lib/runtime/host.ts"]
      .map((path) => JSON.stringify(new URL(path, import.meta.url).href));
    writeFileSync(program, racer(modules[0]!, modules[1]!));
    const racers = [new Racer(program), new Racer(program)];
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

/** Holds each path that it is told on a line, and says how that went. */
function racer(guard: string, host: string): string {
  return `import { createInterface } from "node:readline";
import process from "node:process";
import { guardInstance } from ${guard};
import { hostDrivers } from ${host};
const drivers = await hostDrivers();
for await (const path of createInterface({ input: process.stdin })) {
  const result = await guardInstance(drivers, path).then(() => "holds", (error) => error.code);
  drivers.self.writeOut(result + "\\n");
}
drivers.self.exit(0);
`;
}

class Racer {
  readonly #child;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string) {
    const [command = "", ...args] = drivers.self.selfCommand(pathToFileURL(program), ["-A"]);
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
