import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { isMenderError, type MenderError } from "../../lib/core/errors.ts";
import { AuthenticationManagerClient } from "../../lib/dbus/authentication_manager_client.ts";
import { BusConnection } from "../../lib/dbus/bus_connection.ts";
import { serveObject } from "../../lib/dbus/bus_object.ts";
import { AUTHENTICATION_MANAGER } from "../../lib/dbus/mender_names.ts";
import { UpdateManagerClient } from "../../lib/dbus/update_manager_client.ts";
import { serveUpdateManager } from "../../lib/dbus/update_manager_service.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { busPeer, type BusRules, type SystemBus, withSystemBus } from "../support/system_bus.ts";
import { peer } from "../support/peers.ts";
import { logRecorder } from "../support/log_recorder.ts";
import { ScriptedManager } from "../support/scripted_manager.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const clock = systemClock;
const gdbusPeer = peer("gdbus", "apt-get install libglib2.0-bin");
const run = promisify(execFile);

function withBus(rules: BusRules, body: (bus: SystemBus) => Promise<void>): Promise<void> {
  return inTemporaryDirectory((dir) => withSystemBus(dir, rules, body));
}

/** Runs a body with a connection, which is closed afterwards. */
async function connected<T>(
  bus: SystemBus,
  body: (connection: BusConnection) => Promise<T>,
): Promise<T> {
  const connection = await BusConnection.open(bus.address, { clock });
  try {
    return await body(connection);
  } finally {
    connection.close();
    await connection.lost;
  }
}

async function failure(work: Promise<unknown>): Promise<MenderError> {
  try {
    await work;
  } catch (error) {
    if (isMenderError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

test("a map travels over a real bus, and its answer back", () =>
  withBus({}, async (bus) => {
    const manager = await ScriptedManager.start(bus.address, () => 42);
    await connected(bus, async (connection) => {
      const client = new UpdateManagerClient(connection);
      assert.equal(await client.setUpdateControlMap('{"id":"ä"}'), 42);
      assert.deepEqual(manager.texts, ['{"id":"ä"}']);
    });
    await manager.stop();
  }), busPeer);

test(
  "the reason of a refusal reaches the caller, under mender's name for errors",
  () =>
    withBus({}, async (bus) => {
      const manager = await ScriptedManager.start(bus.address, () => {
        throw new Error("states.x: no such state");
      });
      await connected(bus, async (connection) => {
        const error = await failure(new UpdateManagerClient(connection).setUpdateControlMap("{}"));
        assert.equal(error.code, "bus.failed");
        assert.match(error.message, /states\.x: no such state \(io\.mender\.Failed\)$/);
      });
      await manager.stop();
    }),
  busPeer,
);

test("a bus without a client is told from no bus at all", () =>
  withBus({}, async (bus) => {
    await connected(bus, async (connection) => {
      const error = await failure(new UpdateManagerClient(connection).setUpdateControlMap("{}"));
      assert.equal(error.code, "bus.service-unknown");
      assert.match(error.hint ?? "", /2\.7 or newer and below 4/);
    });
    await bus.stop();
    const error = await failure(BusConnection.open(bus.address, { clock }));
    assert.equal(error.code, "bus.no-bus");
    assert.match(error.hint ?? "", /dbus-daemon/);
  }), busPeer);

test("a policy that forbids the call is told, with where to change it", () =>
  withBus({
    policies: `<policy context="default">
      <allow own="io.mender.UpdateManager"/>
      <deny send_destination="io.mender.UpdateManager"/></policy>`,
  }, async (bus) => {
    const manager = await ScriptedManager.start(bus.address);
    await connected(bus, async (connection) => {
      const error = await failure(new UpdateManagerClient(connection).setUpdateControlMap("{}"));
      assert.equal(error.code, "bus.access-denied");
      assert.match(error.hint ?? "", /system\.d\/io\.mender\.UpdateManager\.conf/);
    });
    await manager.stop();
  }), busPeer);

test(
  "a name that the policy gives to others is not owned",
  () =>
    withBus({ policies: "" }, (bus) =>
      connected(bus, async (connection) => {
        const error = await failure(serveUpdateManager(connection, () => 1));
        assert.equal(error.code, "bus.access-denied");
      })),
  busPeer,
);

test(
  "a call that is never answered ends by its own limit, and by that of the bus",
  () =>
    withBus({ replyTimeoutMs: 300 }, async (bus) => {
      const manager = await ScriptedManager.start(bus.address, () => new Promise(() => {}));
      await connected(bus, async (connection) => {
        const client = new UpdateManagerClient(connection);
        const ours = await failure(client.setUpdateControlMap("{}", { limitMs: 20 }));
        assert.equal(ours.code, "bus.no-reply");
        assert.match(ours.message, /no answer within 0\.02 seconds/);
        assert.equal((await failure(client.setUpdateControlMap("{}"))).code, "bus.no-reply");
      });
      await manager.stop();
    }),
  busPeer,
);

test("a call ends when its signal is aborted", () =>
  withBus({}, async (bus) => {
    const manager = await ScriptedManager.start(bus.address, () => new Promise(() => {}));
    await connected(bus, async (connection) => {
      const controller = new AbortController();
      const call = new UpdateManagerClient(connection)
        .setUpdateControlMap("{}", { signal: controller.signal });
      await waitUntil("the call", () => manager.texts.length === 1);
      controller.abort(new Error("enough"));
      await assert.rejects(call, /enough/);
    });
    await manager.stop();
  }), busPeer);

test(
  "a client that ends in the middle of a call is told at once",
  () =>
    withBus({}, async (bus) => {
      const manager = await ScriptedManager.start(bus.address, () => new Promise(() => {}));
      await connected(bus, async (connection) => {
        const call = failure(new UpdateManagerClient(connection).setUpdateControlMap("{}"));
        await waitUntil("the call", () => manager.texts.length === 1);
        await manager.stop();
        assert.equal((await call).code, "bus.no-reply");
      });
    }),
  busPeer,
);

test(
  "a bus that ends in the middle of a call is told at once, as are all that wait on it",
  () =>
    withBus({}, async (bus) => {
      const manager = await ScriptedManager.start(bus.address, () => new Promise(() => {}));
      const connection = await BusConnection.open(bus.address, { clock });
      const client = new UpdateManagerClient(connection);
      const tokens = await new AuthenticationManagerClient(connection).tokenChanges();
      const next = failure(tokens.next());
      const call = failure(client.setUpdateControlMap("{}"));
      await waitUntil("the call", () => manager.texts.length === 1);
      await bus.stop();
      assert.equal((await call).code, "bus.disconnected");
      assert.equal((await next).code, "bus.disconnected");
      assert.equal((await connection.lost).code, "bus.disconnected");
      assert.equal((await failure(client.setUpdateControlMap("{}"))).code, "bus.disconnected");
      connection.close();
      await manager.stop();
    }),
  busPeer,
);

test("a bus that is there and says nothing is not waited for", () =>
  withBus({}, async (bus) => {
    bus.freeze(true);
    const error = await failure(BusConnection.open(bus.address, { clock, limitMs: 50 }));
    assert.equal(error.code, "bus.no-reply");
    const controller = new AbortController();
    const attempt = BusConnection.open(bus.address, { clock, signal: controller.signal });
    controller.abort(new Error("enough"));
    await assert.rejects(attempt, /enough/);
    bus.freeze(false);
  }), busPeer);

const rubbish: [name: string, answers: readonly string[]][] = [
  ["a server of something else", ["HTTP/1.1 400 Bad Request\r\n\r\n"]],
  ["a bus that lets nobody in", ["REJECTED EXTERNAL\r\n"]],
  ["a bus that goes mad after the greeting", ["OK 0123\r\n", "\x01".repeat(4096)]],
  ["a bus that hangs up", []],
];

for (const [name, answers] of rubbish) {
  test(`${name} does no harm`, () =>
    inTemporaryDirectory(async (dir) => {
      const path = join(dir, "socket");
      const server = createServer((socket) => {
        socket.on("error", () => {});
        let at = 0;
        socket.on("data", () => {
          const answer = answers[at++];
          if (answer !== undefined) socket.write(answer);
          else if (answers.length === 0) socket.end();
        });
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      const error = await failure(
        BusConnection.open(`unix:path=${path}`, { clock, limitMs: 500 }),
      );
      assert.ok(["bus.rejected", "bus.no-reply"].includes(error.code), error.code);
      await new Promise((resolve) => server.close(resolve));
    }));
}

test(
  "presence tells of a client that comes, is replaced and goes",
  () =>
    withBus({}, (bus) =>
      connected(bus, async (connection) => {
        const seen: (string | undefined)[] = [];
        await new UpdateManagerClient(connection).watchPresence((owner) => seen.push(owner));
        assert.deepEqual(seen, [undefined]);
        const first = await ScriptedManager.start(bus.address);
        await waitUntil("the first client", () => seen.length === 2);
        const second = await ScriptedManager.start(bus.address);
        await waitUntil("the second client", () => seen.length === 3);
        // The first has waited for its turn, as a mender does that was replaced.
        await second.stop();
        await waitUntil("the first client again", () => seen.length === 4);
        await first.stop();
        await waitUntil("the end", () => seen.length === 5);
        assert.equal(seen[1], seen[3]);
        assert.ok(seen[1] !== undefined && seen[2] !== undefined && seen[1] !== seen[2]);
        assert.equal(seen[4], undefined);
      })),
  busPeer,
);

test(
  "the service gives way to a program that takes its name, and says so",
  () =>
    withBus({}, (bus) =>
      connected(bus, async (connection) => {
        const recorder = logRecorder();
        assert.equal(await serveUpdateManager(connection, () => 1, { logger: recorder }), true);
        const other = await ScriptedManager.start(bus.address, () => 2);
        await waitUntil("the loss", () => /took over/.test(recorder.all()));
        await connected(bus, async (caller) => {
          const client = new UpdateManagerClient(caller);
          assert.equal(await client.setUpdateControlMap("{}"), 2);
          await other.stop();
          await waitUntil(
            "the return",
            () => /ours again/.test(recorder.all()),
          );
          assert.equal(await client.setUpdateControlMap("{}"), 1);
        });
      })),
  busPeer,
);

const asIn = (bus: SystemBus, path: string, ...call: string[]): string[] => [
  "call",
  "--address",
  bus.address,
  "--dest",
  "io.mender.UpdateManager",
  "--object-path",
  path,
  "--method",
  ...call,
];

test(
  "gdbus finds the service, calls it, and is refused what it does not offer",
  () =>
    withBus({}, async (bus) => {
      const manager = await ScriptedManager.start(bus.address);
      const path = "/io/mender/UpdateManager";
      const introspect = "org.freedesktop.DBus.Introspectable.Introspect";
      const { stdout } = await run("gdbus", asIn(bus, path, introspect));
      for (
        const piece of [
          '<interface name="io.mender.Update1">',
          '<method name="SetUpdateControlMap">',
          '<arg type="s" name="update_control_map" direction="in"/>',
          '<arg type="i" name="refresh_timeout" direction="out"/>',
        ]
      ) assert.ok(stdout.includes(piece), stdout);
      assert.match((await run("gdbus", asIn(bus, "/", introspect))).stdout, /<node name="io"\/>/);
      await run("gdbus", asIn(bus, path, "org.freedesktop.DBus.Peer.Ping"));
      const all = asIn(bus, path, "org.freedesktop.DBus.Properties.GetAll", "io.mender.Update1");
      assert.match((await run("gdbus", all)).stdout, /\{\}/);
      const set = asIn(bus, path, "io.mender.Update1.SetUpdateControlMap", "{}");
      assert.equal((await run("gdbus", set)).stdout.trim(), "(30,)");

      const refused: [path: string, call: string[], says: RegExp][] = [
        [path, ["io.mender.Update1.SetUpdateControlMap", "{}", "x"], /InvalidArgs/],
        [path, ["io.mender.Update1.GetUpdateControlMap"], /UnknownMethod/],
        [path, ["io.mender.Other.SetUpdateControlMap", "{}"], /UnknownMethod/],
        ["/io/mender", ["io.mender.Update1.SetUpdateControlMap", "{}"], /UnknownMethod/],
        ["/other", ["io.mender.Update1.SetUpdateControlMap", "{}"], /UnknownMethod/],
        [path, ["org.freedesktop.DBus.Properties.Get", "io.mender.Update1", "x"], /InvalidArgs/],
        [path, ["io.mender.Update1.constructor"], /UnknownMethod/],
      ];
      for (const [where, call, says] of refused) {
        await assert.rejects(run("gdbus", asIn(bus, where, ...call)), says);
      }
      assert.equal((await run("gdbus", set)).stdout.trim(), "(30,)");
      await manager.stop();
    }),
  gdbusPeer.skip === undefined ? busPeer : gdbusPeer,
);

test(
  "tokens are told as they change, and only by the owner of the name",
  () =>
    withBus(
      {},
      (bus) =>
        connected(bus, (service) =>
          connected(bus, (stranger) =>
            connected(bus, async (connection) => {
              const { path, interface: name } = AUTHENTICATION_MANAGER;
              let pair = ["", ""];
              serveObject(service, {
                path,
                interface: name,
                errorName: "io.mender.Failed",
                methods: {
                  GetJwtToken: {
                    takes: {},
                    answers: { token: "s", server_url: "s" },
                    run: () =>
                      pair,
                  },
                  FetchJwtToken: { takes: {}, answers: { success: "b" }, run: () => [true] },
                },
              });
              const change = (by: BusConnection, body: string[]): void =>
                by.send({
                  type: 4,
                  path,
                  interface: name,
                  member: "JwtTokenStateChange",
                  signature: "ss",
                  body,
                });
              await service.requestName(AUTHENTICATION_MANAGER.service, 4);
              const client = new AuthenticationManagerClient(connection);
              assert.equal(await client.getJwtToken(), undefined);
              pair = ["a.b.c", "http://127.0.0.1:1"];
              assert.deepEqual(await client.getJwtToken(), { token: pair[0], serverUrl: pair[1] });
              assert.equal(await client.fetchJwtToken(), true);

              const changes = await client.tokenChanges();
              change(stranger, ["stolen", "http://elsewhere"]);
              await stranger.call({
                service: "org.freedesktop.DBus",
                path: "/org/freedesktop/DBus",
                interface: "org.freedesktop.DBus",
                member: "GetId",
              }, { what: "see the message through" });
              change(service, pair);
              change(service, ["", ""]);
              assert.deepEqual((await changes.next()).value, {
                token: pair[0],
                serverUrl: pair[1],
              });
              assert.equal((await changes.next()).value, undefined);
              await changes.return?.();
            }))),
    ),
  busPeer,
);
