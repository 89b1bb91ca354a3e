import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import type { Authorization } from "../../lib/api/device_session.ts";
import {
  bodyText,
  openFrame,
  pathFrame,
  plainControlFrame,
  readControlError,
} from "../../lib/connect/protocol/internal.ts";
import { AsyncQueue } from "../../lib/core/async_queue.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { fastClock } from "../support/fast_clock.ts";
import { isAlive, membersOf } from "../support/processes.ts";
import { EVERYTHING, TestTerminal, withRemoteAccess } from "../support/remote_access_rig.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { type TcpRelay, withRelay } from "../support/tcp_relay.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { operator } from "../support/with_server.ts";

const LEAKS = { leaks: "a thread of the terminal addon" };

const pidOf = async (terminal: TestTerminal): Promise<number> => {
  terminal.type("echo pid=$$.\n");
  return Number((await terminal.seen(/pid=(\d+)\./))[1]);
};

const faster = (factor: number) => ({
  drivers: (host: Drivers): Drivers => ({ ...host, clock: fastClock(factor) }),
});

async function worksAgain(server: MenderServer, deviceId: string): Promise<void> {
  await waitUntil("the connection", () => server.isConnected(deviceId), 30_000);
  const terminal = new TestTerminal(server.openSession(deviceId));
  terminal.type("echo works-$((1+1))\n");
  await terminal.seen(/works-2/);
  terminal.session.send({ protocol: 1, type: "stop" });
  await terminal.answer("stop");
  await terminal.close();
}

test(
  "remote access comes back after its connection was cut; the first attempt is within a second",
  () => {
    const waits: number[] = [];
    return withRemoteAccess({
      drivers: (host) => ({
        ...host,
        clock: {
          ...host.clock,
          after(delayMs, callback) {
            waits.push(delayMs);
            return host.clock.after(delayMs, callback);
          },
        },
      }),
    }, async ({ server, deviceId }) => {
      for (const code of [undefined, 1000, 1011]) {
        waits.length = 0;
        server.disconnectDevice(deviceId, code);
        await waitUntil("the end", () => !server.isConnected(deviceId));
        const isRetry = (ms: number): boolean => ms > 0 && ms < 5000;
        const first = await waitUntil("a wait", () => waits.find(isRetry));
        if (code === undefined) assert.ok(first <= 1000, `${first} ms`);
        await worksAgain(server, deviceId);
      }
    });
  },
  LEAKS,
);

test(
  "remote access notices a connection that is dead without a word",
  () =>
    withRemoteAccess({
      ...faster(50),
      isPatient: true,
      tokens: (token, server) => relayed(token, server),
    }, async ({ server, deviceId }) => {
      await waitUntil("the relay", () => relay !== undefined);
      await waitUntil("the connection", () => server.isConnected(deviceId));
      const accepted = (): number =>
        server.journal.entries.filter(({ status }) => status === 101).length;
      const before = accepted(); // on a busy machine time at this pace has cut one already
      relay!.goDead();
      await waitUntil("another connection", () => accepted() > before, 60_000);
      await worksAgain(server, deviceId);
    }).finally(() => endRelay()),
  LEAKS,
);

let relay: TcpRelay | undefined;
let endRelay = (): void => {};

/** Leads the device to its server through a relay. */
function relayed(token: string, server: MenderServer) {
  const ended = new Promise<void>((resolve) => endRelay = resolve);
  void withRelay(Number(new URL(server.url).port), async (made) => {
    relay = made;
    await ended;
  });
  return {
    current: async () => {
      await waitUntil("the relay", () => relay !== undefined);
      return { token, serverUrl: `http://127.0.0.1:${relay!.port}` };
    },
    refused: () => {},
    changes: new AsyncQueue<undefined>(),
  };
}

test(
  "remote access outlives a message of 64 MB",
  () =>
    withRemoteAccess({}, async ({ server, deviceId }) => {
      server.sendToDevice(deviceId, new Uint8Array(64 << 20));
      await waitUntil("the end", () => !server.isConnected(deviceId), 20_000);
      await worksAgain(server, deviceId);
    }),
  LEAKS,
);

test(
  "remote access works with a server that closes after every message",
  () =>
    withRemoteAccess({}, async ({ server, deviceId }) => {
      for (let round = 0; round < 3; round++) {
        await waitUntil("the connection", () => server.isConnected(deviceId), 30_000);
        const session = server.openSession(deviceId);
        session.send(openFrame("", [1]));
        assert.equal((await session.next()).type, "accept");
        server.disconnectDevice(deviceId, 1000);
        await waitUntil("the end", () => !server.isConnected(deviceId));
      }
      await worksAgain(server, deviceId);
    }),
  LEAKS,
);

test(
  "remote access keeps shells over a short outage, and gives them up after a minute",
  () =>
    withRemoteAccess(faster(60), async ({ server, deviceId, open, logger }) => {
      const terminal = new TestTerminal(open());
      const pid = await pidOf(terminal);
      server.disconnectDevice(deviceId);
      await waitUntil("the connection", () => !server.isConnected(deviceId));
      await waitUntil("the connection", () => server.isConnected(deviceId));
      assert.equal(isAlive(pid), true);
      server.revokeTokens(); // every further attempt is refused
      server.disconnectDevice(deviceId);
      await waitUntil("the end of the shell", () => membersOf(pid).length === 0, 30_000);
      assert.match(logger.all(), /All sessions are ended: no connection for a minute/);
      await terminal.close();
    }),
  LEAKS,
);

test(
  "remote access ends everything when the device is no longer authorised, and follows a new token",
  () => {
    const changes = new AsyncQueue<Authorization | undefined>();
    let authorization: Authorization | undefined;
    return withRemoteAccess({
      tokens: (token, server) => {
        authorization = { token, serverUrl: server.url };
        return { current: () => Promise.resolve(authorization), refused: () => {}, changes };
      },
    }, async ({ server, deviceId, open }) => {
      const terminal = new TestTerminal(open());
      const pid = await pidOf(terminal);
      const before = authorization;
      authorization = undefined;
      changes.push(undefined);
      await waitUntil("the end of the shell", () => membersOf(pid).length === 0);
      await waitUntil("the end", () => !server.isConnected(deviceId));
      await terminal.close();
      authorization = before;
      changes.push(before);
      await worksAgain(server, deviceId);
      changes.push({
        token: before!.token,
        serverUrl: server.url.replace("127.0.0.1", "localhost"),
      });
      authorization = {
        token: before!.token,
        serverUrl: server.url.replace("127.0.0.1", "localhost"),
      };
      await waitUntil(
        "another connection",
        () =>
          server.journal.entries.some(({ headers }) => headers["host"]?.startsWith("localhost")),
      );
      await worksAgain(server, deviceId);
    });
  },
  LEAKS,
);

test("remote access tells a session that has fallen silent, and forgets it", () =>
  withRemoteAccess(faster(60), async ({ open }) => {
    const session = open();
    session.send(openFrame("", [1]));
    assert.equal((await session.next()).type, "accept");
    assert.equal((await session.next()).type, "ping");
    session.send(plainControlFrame("pong", ""));
    assert.equal((await session.next()).type, "ping");
    const error = readControlError(await session.next());
    assert.deepEqual([error.text, error.isClosing], ["session timeout", true]);
    session.close();
  }));

test(
  "a shell is stopped when its user's client answers no ping",
  () =>
    withRemoteAccess(faster(100), async ({ open }) => {
      const terminal = new TestTerminal(open());
      const pid = await pidOf(terminal);
      await terminal.answer("ping");
      assert.match(bodyText(await terminal.answer("stop")), /its user is lost/);
      await waitUntil("the end", () => membersOf(pid).length === 0);
      await terminal.close();
    }),
  LEAKS,
);

for (
  const [name, sessions, lines, why] of [
    ["is idle", { ExpireAfterIdle: 1, ExpireAfter: 0 }, "", /it was idle for 1 s/],
    [
      "has lasted too long, busy or not",
      { ExpireAfterIdle: 0, ExpireAfter: 2 },
      "while :; do echo x; sleep 0.1; done\n",
      /it has lasted 2 s/,
    ],
  ] as const
) {
  test(
    `a shell is stopped when it ${name}`,
    () =>
      withRemoteAccess({ config: { ...EVERYTHING, Sessions: sessions } }, async ({ open }) => {
        const terminal = new TestTerminal(open());
        const pid = await pidOf(terminal);
        terminal.type(lines);
        assert.match(bodyText(await terminal.answer("stop")), why);
        await waitUntil("the end", () => membersOf(pid).length === 0);
        await terminal.close();
      }),
    LEAKS,
  );
}

test("a shell that writes is not idle, and 0 is no limit", () =>
  withRemoteAccess({
    config: { ...EVERYTHING, Sessions: { ExpireAfterIdle: 1, ExpireAfter: 0 } },
  }, async ({ open }) => {
    const terminal = new TestTerminal(open());
    terminal.type("for i in 1 2 3 4 5 6 7 8; do sleep 0.4; echo tick-$((i+1)).; done\n");
    await terminal.seen(/tick-9\./);
    terminal.session.send({ protocol: 1, type: "stop" });
    await terminal.answer("stop");
    await terminal.close();
  }), LEAKS);

test(
  "a shell is held up while the server does not read, and goes on when it does",
  () =>
    withRemoteAccess({}, async ({ open }) => {
      const session = open();
      session.send({ protocol: 1, type: "new" });
      await session.next();
      session.send({ protocol: 1, type: "shell", body: "echo pid=$$.; exec cat /dev/zero\n" });
      let text = "";
      while (!/pid=\d+\./.test(text)) text += bodyText(await session.next());
      const pid = Number(/pid=(\d+)\./.exec(text)?.[1]);
      const written = (): string =>
        /wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? "";
      // Nobody takes the messages of the session: after a while the program waits.
      await waitUntil("a standstill", async () => {
        const before = written();
        await delay(500);
        return before === written();
      }, 60_000);
      const before = Number(written());
      for (let count = 0; count < 1000; count++) await session.next();
      await waitUntil("more", () => Number(written()) > before);
      session.close();
    }),
  LEAKS,
);

/** How long the next test goes on beyond its three rounds; `deno task soak:remote` says ten minutes. */
const SOAK_MINUTES = Number(process.env["MENDER_DENO_SOAK_MINUTES"] ?? 0);

/** Files that this process holds. */
const openFiles = (): number => readdirSync("/proc/self/fd").length;
const filesAtFirst = openFiles();

test(
  "eight terminals and two transfers at a time, with kills and cuts: nothing is mixed up, nothing left",
  () =>
    withRemoteAccess({}, async ({ server, deviceId, dir }) => {
      const random = seededRandom(42);
      const noise = (size: number): Uint8Array =>
        Uint8Array.from({ length: size }, () => random() * 256);
      const sum = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
      const manage = await operator(server);
      const pids: number[] = [];
      let cutAt = performance.now();
      const round = async (number: number): Promise<void> => {
        await waitUntil("the connection", () => server.isConnected(deviceId), 60_000);
        const terminals = await Promise.all(Array.from({ length: 8 }, async () => {
          const terminal = new TestTerminal(server.openSession(deviceId));
          const pid = await pidOf(terminal);
          pids.push(pid);
          terminal.type("sleep 600 & stty raw -echo; echo ready-$((1+1)); exec cat\n");
          await terminal.seen(/ready-2\r?\n/);
          return { terminal, pid, start: terminal.bytes.length };
        }));
        const transfer = async (name: string): Promise<void> => {
          const content = noise(300_000);
          const form = new FormData();
          form.append("path", join(dir, name));
          form.append("file", new Blob([content as Uint8Array<ArrayBuffer>]), name);
          const answer = await manage("PUT", `/v1/deviceconnect/devices/${deviceId}/upload`, form);
          await answer.body?.cancel();
          assert.equal(answer.status, 201);
          assert.equal(sum(readFileSync(join(dir, name))), sum(content));
        };
        const echo = async (
          { terminal, pid, start }: typeof terminals[0],
          at: number,
        ): Promise<void> => {
          const content = noise(100_000 + at);
          for (let from = 0; from < content.length;) {
            const size = 1 + Math.floor(random() * 3000);
            terminal.session.send({
              protocol: 1,
              type: "shell",
              body: content.subarray(from, from + size),
            });
            from += size;
            if (at < 2 && from > 50_000) { // of two the program is killed
              process.kill(pid, "SIGKILL");
              await terminal.answer("stop");
              return;
            }
            await delay(0);
          }
          const all = content.length + start;
          await waitUntil("the echo", () => terminal.bytes.length >= all, 30_000);
          assert.equal(sum(terminal.bytes.subarray(start)), sum(content));
        };
        await Promise.all([...terminals.map(echo), transfer(`a${number}`), transfer(`b${number}`)]);
        // Half of the shells are stopped by their users, the others outlive the cut; later rounds leave none,
        // for a device has no more than sixteen.
        for (const { terminal } of terminals.slice(2, number < 2 ? 5 : undefined)) {
          terminal.session.send({ protocol: 1, type: "stop" });
          await terminal.answer("stop");
        }
        const cut = server.openSession(deviceId);
        cut.send(pathFrame("get_file", "", join(dir, `a${number}`)));
        await cut.next();
        // The waits of a connection that never lasts become long: later rounds cut those that do.
        if (number < 3 || performance.now() - cutAt > 11_000) {
          server.disconnectDevice(deviceId);
          cutAt = performance.now();
        } else cut.close();
        for (const { terminal } of terminals) await terminal.close();
      };
      const end = performance.now() + SOAK_MINUTES * 60_000;
      for (let number = 0; number < 3 || performance.now() < end; number++) await round(number);
      await waitUntil("the connection", () => server.isConnected(deviceId), 60_000);
      assert.deepEqual(readdirSync(dir).filter((name) => name.endsWith(".part")), []);
      assert.deepEqual(server.violations(), []);
      leftovers.push(...pids);
    }),
  { ...LEAKS, limitMs: 180_000 + SOAK_MINUTES * 120_000 },
);

const leftovers: number[] = [];

test("… and when remote access has ended, none of their processes and files is left", async () => {
  assert.ok(leftovers.length >= 24);
  assert.deepEqual(leftovers.flatMap(membersOf), []);
  // Sixteen shells had two descriptors each, or three.
  await waitUntil("few files", () => openFiles() < filesAtFirst + 8);
}, LEAKS);
