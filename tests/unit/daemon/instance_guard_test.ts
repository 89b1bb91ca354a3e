import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { guardInstance } from "../../../lib/daemon/instance_guard.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { SocketDriver } from "../../../lib/runtime/socket_driver.ts";
import { leaveStaleSocket } from "../../support/stale_socket.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files, sockets } = await hostDrivers();

test("guardInstance() lets one daemon in and refuses the second, until the first has gone", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const first = await guardInstance(sockets, files, path);
    for (let at = 0; at < 2; at++) {
      await assert.rejects(
        guardInstance(sockets, files, path),
        (error) => isMenderError(error, "daemon.already-running") && error.retry === "never",
      );
    }
    await first.close();
    assert.equal(existsSync(path), false);
    await (await guardInstance(sockets, files, path)).close();
  });
});

test("guardInstance() takes over the socket that a dead daemon left", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    await leaveStaleSocket(path);
    const guard = await guardInstance(sockets, files, path);
    await assert.rejects(
      guardInstance(sockets, files, path),
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
      guardInstance(silent, files, path),
      (error) => isMenderError(error, "daemon.already-running"),
    );
    assert.deepEqual(readdirSync(directory), ["daemon.sock"]);
  });
});

test("guardInstance() where no socket can be bound fails with a store error", async () => {
  await inTemporaryDirectory(async (directory) => {
    writeFileSync(join(directory, "file"), "");
    await assert.rejects(
      guardInstance(sockets, files, join(directory, "none", "daemon.sock")),
      (error) => isMenderError(error, "store."),
    );
  });
});
