import assert from "node:assert/strict";
import { existsSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../../lib/runtime/files/file_driver.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { SocketConnection } from "../../../lib/runtime/socket_driver.ts";
import { leaveStaleSocket } from "../../support/stale_socket.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const { sockets, processes } = await hostDrivers();

async function echo(peer: SocketConnection): Promise<void> {
  try {
    for await (const chunk of peer.readable) await peer.write(chunk);
    peer.close();
  } catch {
    // the listener was closed meanwhile, or the peer left without a word
  }
}

test("listenUnix() and connectUnix() carry bytes both ways and end", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s");
    const listener = await sockets.listenUnix(path, (peer) => void echo(peer));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const connection = await sockets.connectUnix(path, { timeoutMs: 2000 });
    const sent = new Uint8Array(300_000).map((_, at) => at % 251);
    const received: number[] = [];
    const reading = (async () => {
      for await (const chunk of connection.readable) {
        received.push(...chunk);
        if (received.length >= sent.length) connection.close();
      }
    })();
    await connection.write(sent);
    await reading;
    assert.deepEqual(received, [...sent]);
    await listener.close();
    assert.equal(existsSync(path), false);
  });
});

test("listenUnix() a second time fails with EADDRINUSE and harms nothing", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s");
    const listener = await sockets.listenUnix(path, (peer) => void echo(peer));
    try {
      await assert.rejects(
        sockets.listenUnix(path, () => {}),
        (error) => errnoOf(error) === "EADDRINUSE",
      );
      (await sockets.connectUnix(path, { timeoutMs: 2000 })).close();
    } finally {
      await listener.close();
    }
  });
});

test("listenUnix() does not bind through a link that leads nowhere", async () => {
  await inTemporaryDirectory(async (directory) => {
    symlinkSync("elsewhere", join(directory, "s"));
    await assert.rejects(
      sockets.listenUnix(join(directory, "s"), () => {}),
      (error) => errnoOf(error) === "EADDRINUSE",
    );
    assert.equal(existsSync(join(directory, "elsewhere")), false);
  });
});

test("listenUnix() below a directory that does not exist fails", async () => {
  await inTemporaryDirectory(async (directory) => {
    await assert.rejects(sockets.listenUnix(join(directory, "none", "s"), () => {}));
  });
});

test("listenUnix() is not inherited by a program that is started: it would listen on for the dead", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s");
    const listener = await sockets.listenUnix(path, () => {});
    try {
      const { stdout } = await processes.run({
        command: "/bin/cat",
        args: ["/proc/net/unix"],
        timeoutMs: 10_000,
        maxOutputBytes: 1 << 20,
      });
      const line = new TextDecoder().decode(stdout).split("\n").find((each) => each.endsWith(path));
      const inode = line?.trim().split(/\s+/).at(-2);
      const { stdout: open } = await processes.run({
        command: "/bin/ls",
        args: ["-l", "/proc/self/fd"],
        timeoutMs: 10_000,
        maxOutputBytes: 1 << 20,
      });
      assert.match(inode ?? "", /^\d+$/);
      assert.ok(!new TextDecoder().decode(open).includes(`socket:[${inode}]`));
    } finally {
      await listener.close();
    }
  });
});

test("close() of a listener ends the connections that are open", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "s");
    let peers = 0;
    const listener = await sockets.listenUnix(path, () => void peers++);
    const connection = await sockets.connectUnix(path, { timeoutMs: 2000 });
    await waitUntil("the connection", () => peers === 1);
    await listener.close();
    for await (const chunk of connection.readable) assert.fail(`${chunk.length} bytes`);
    connection.close();
  });
});

const unanswered: [name: string, errno: string, arrange: (path: string) => Promise<void>][] = [
  ["there is nothing", "ENOENT", () => Promise.resolve()],
  ["its owner is dead", "ECONNREFUSED", leaveStaleSocket],
];
for (const [name, errno, arrange] of unanswered) {
  test(`connectUnix() fails with ${errno} where ${name}`, async () => {
    await inTemporaryDirectory(async (directory) => {
      const path = join(directory, "s");
      await arrange(path);
      await assert.rejects(
        sockets.connectUnix(path, { timeoutMs: 2000 }),
        (error) => errnoOf(error) === errno,
      );
    });
  });
}
