/** `io.mender.AuthenticationManager` of the daemon, on a real bus, under the daemon's permission set. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { isMenderError } from "../../lib/core/errors.ts";
import { AuthenticationManagerClient, BusConnection } from "../../lib/dbus/mod.ts";
import { AUTHENTICATION_MANAGER } from "../../lib/dbus/mender_names.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import type { MenderServer, ServerOptions } from "../../lib/testing/mod.ts";
import { type ClientRig, withRig } from "../support/client_rig.ts";
import { peer } from "../support/peers.ts";
import { ScriptedAuthenticator } from "../support/scripted_authenticator.ts";
import { busPeer, SystemBus } from "../support/system_bus.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const run = promisify(execFile);
const gdbus = peer("gdbus", "apt-get install libglib2.0-bin");
const gdbusPeer = gdbus.skip === undefined ? busPeer : gdbus;

/** What `gdbus introspect` prints of this interface where mender 3.4.0 offers it. */
const MENDER_INTERFACE = `  interface io.mender.Authentication1 {
    methods:
      GetJwtToken(out s token,
                  out s server_url);
      FetchJwtToken(out b success);
    signals:
      JwtTokenStateChange(s token,
                          s server_url);
    properties:
  };
`;

interface Stage {
  readonly server: MenderServer;
  readonly bus: SystemBus;
  readonly rig: ClientRig;
}

interface StageOptions {
  readonly server?: Partial<ServerOptions>;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Whether there is a bus from the beginning. */
  readonly hasBus?: boolean;
}

/** A server, a bus and a device on which nothing runs yet. */
function onStage(
  { server: options = { autoAccept: true }, config = {}, hasBus = true }: StageOptions,
  body: (stage: Stage) => Promise<void>,
): Promise<void> {
  return inTemporaryDirectory((dir) =>
    withServer(options, async (server) => {
      const bus = new SystemBus(dir);
      if (hasBus) await bus.start();
      try {
        const rigged = { serverUrl: server.url, busSocket: bus.socket, config };
        await withRig(rigged, (rig) => body({ server, bus, rig }));
      } finally {
        await bus.stop();
      }
    })
  );
}

/** Runs a body with a caller on the bus. */
async function calling<T>(
  bus: SystemBus,
  body: (client: AuthenticationManagerClient, connection: BusConnection) => Promise<T>,
): Promise<T> {
  const connection = await BusConnection.open(bus.address, { clock: systemClock });
  try {
    return await body(new AuthenticationManagerClient(connection), connection);
  } finally {
    connection.close();
    await connection.lost;
  }
}

/** The token, once there is one. */
function tokenOn(client: AuthenticationManagerClient) {
  return waitUntil("a token", async () => {
    try {
      return await client.getJwtToken();
    } catch (error) {
      if (isMenderError(error, "bus.service-unknown")) return undefined;
      throw error;
    }
  }, 30_000);
}

const authentications = (server: MenderServer): number =>
  server.journal.entries.filter(({ path }) => path.endsWith("/auth_requests")).length;

const polls = (server: MenderServer): number =>
  server.journal.entries.filter(({ path, status }) => path.endsWith("/next") && status === 204)
    .length;

test(
  "daemon offers what mender 3.4.0 offers, in the eyes of gdbus",
  () =>
    onStage({}, async ({ bus, rig }) => {
      rig.start("daemon");
      await calling(bus, tokenOn);
      const { service, path, interface: name } = AUTHENTICATION_MANAGER;
      const at = ["--address", bus.address, "--dest", service, "--object-path", path];
      const { stdout } = await run("gdbus", ["introspect", ...at]);
      assert.ok(stdout.includes(MENDER_INTERFACE), stdout);
      for (
        const [member, says] of [
          ["GetJwtToken", /^\('[\w-]+\.[\w-]+\.[\w-]*', 'http:\/\/127\.0\.0\.1:\d+'\)$/],
          ["FetchJwtToken", /^\(true,\)$/],
        ] as const
      ) {
        const said = await run("gdbus", ["call", ...at, "--method", `${name}.${member}`]);
        assert.match(said.stdout.trim(), says);
      }
    }),
  gdbusPeer,
);

test(
  "daemon gives the token that the server takes, and a new one when it is asked to",
  () =>
    onStage(
      { config: { UpdatePollIntervalSeconds: 3600 } },
      ({ server, bus, rig }) =>
        calling(bus, async (client) => {
          const daemon = rig.start("daemon");
          const first = await tokenOn(client);
          assert.equal(first.serverUrl, server.url);
          await waitUntil("a poll", () => polls(server) === 1);
          const changes = await client.tokenChanges();
          const before = authentications(server);
          assert.equal(await client.fetchJwtToken(), true);
          const { value } = await changes.next();
          assert.deepEqual(await client.getJwtToken(), value);
          assert.equal(authentications(server), before + 1);
          const answer = await fetch(
            `${value.serverUrl}/api/devices/v1/deployments/device/deployments/next` +
              "?artifact_name=release-1&device_type=acme-box",
            { headers: { authorization: `Bearer ${value.token}` } },
          );
          await answer.body?.cancel();
          assert.equal(answer.status, 204);
          for (const { token } of [first, value]) assert.ok(!daemon.output().includes(token));
          daemon.kill("SIGTERM");
          assert.equal((await daemon.ended).code, 0, daemon.output());
          await changes.return?.();
        }),
    ),
  busPeer,
);

test(
  "daemon tells that it is let in, and that it is put out",
  () =>
    onStage({ server: {} }, ({ server, bus, rig }) =>
      calling(bus, async (client) => {
        const changes = await client.tokenChanges();
        rig.start("daemon");
        const next = async () => (await changes.next()).value;
        assert.equal(await next(), undefined);
        assert.equal(await client.getJwtToken(), undefined);
        const { id } = server.devices()[0]!;
        server.acceptDevice(id);
        const token = await waitUntil("the token", next, 30_000);
        assert.equal(token.serverUrl, server.url);
        server.rejectDevice(id);
        await waitUntil("no token", async () => await next() === undefined, 30_000);
        assert.equal(await client.getJwtToken(), undefined);
        await changes.return?.();
      })),
  busPeer,
);

test(
  "daemon leaves the name to who has it, says so once, and takes its turn",
  () =>
    onStage({}, async ({ server, bus, rig }) => {
      const other = await ScriptedAuthenticator.start(bus.address, ["other", "http://other"]);
      const daemon = rig.start("daemon");
      await waitUntil("polls", () => polls(server) >= 2, 30_000);
      await calling(bus, async (client) => {
        await waitUntil("the word", () => /Another program owns/.test(daemon.output()), 30_000);
        assert.equal((await client.getJwtToken())?.token, "other");
        const changes = await client.tokenChanges();
        await waitUntil("more polls", () => polls(server) >= 4, 30_000);
        await other.stop();
        await waitUntil("our turn", () => /Serving io\.mender\.Auth/.test(daemon.output()), 30_000);
        assert.equal((await tokenOn(client)).serverUrl, server.url);
        await changes.return?.();
      });
      assert.equal(daemon.output().match(/Another program owns/g)?.length, 1);
    }),
  busPeer,
);

test(
  "daemon is on the bus again after the bus was restarted, and nothing else notices",
  () =>
    onStage({}, async ({ server, bus, rig }) => {
      const daemon = rig.start("daemon");
      const first = await calling(bus, tokenOn);
      await bus.stop();
      const before = polls(server);
      await waitUntil("polls without a bus", () => polls(server) >= before + 2, 30_000);
      await bus.start();
      assert.deepEqual(await calling(bus, tokenOn), first);
      assert.doesNotMatch(daemon.output(), /WARN|ERROR/);
      assert.equal(authentications(server), 1);
    }),
  busPeer,
);

test(
  "daemon without a bus does its work, and is on one that comes later",
  () =>
    onStage({ hasBus: false }, async ({ server, bus, rig }) => {
      const daemon = rig.start("daemon");
      await waitUntil("polls", () => polls(server) >= 3, 30_000);
      await bus.start();
      assert.equal((await calling(bus, tokenOn)).serverUrl, server.url);
      assert.doesNotMatch(daemon.output(), /WARN|ERROR/);
      assert.equal(daemon.output().match(/Nothing is offered on the D-Bus now/g)?.length, 1);
    }),
  busPeer,
);

test("daemon offers nothing while DBus.Enabled is false, until SIGHUP finds it true", () =>
  onStage(
    { config: { DBus: { Enabled: false } } },
    ({ server, bus, rig }) =>
      calling(bus, async (client) => {
        const daemon = rig.start("daemon");
        await waitUntil("polls", () => polls(server) >= 3, 30_000);
        const unknown = (error: unknown) => isMenderError(error, "bus.service-unknown");
        await assert.rejects(client.getJwtToken(), unknown);
        const reconfigure = (isOn: boolean): void => {
          const config = JSON.parse(rig.read(rig.paths.mainConfig));
          rig.write(
            rig.paths.mainConfig,
            JSON.stringify({ ...config, DBus: { Enabled: isOn } }),
          );
          daemon.kill("SIGHUP");
        };
        reconfigure(true);
        await tokenOn(client);
        reconfigure(false);
        await waitUntil("the end of it", () => client.getJwtToken().then(() => false, unknown));
        daemon.kill("SIGTERM");
        assert.equal((await daemon.ended).code, 0, daemon.output());
      }),
  ), busPeer);

test(
  "daemon answers hostile callers with errors, and goes on",
  () =>
    onStage({}, ({ server, bus, rig }) =>
      calling(bus, async (client, connection) => {
        const daemon = rig.start("daemon");
        await tokenOn(client);
        const attempts = Array.from({ length: 1000 }, (_, at) => {
          const [member, signature, body] = [
            ["FetchJwtToken", "", []],
            ["FetchJwtToken", "s", ["now"]],
            ["GetJwtToken", "a{sv}", [{}]],
            ["constructor", "", []],
          ][at % 4] as [string, string, unknown[]];
          return connection.call({ ...AUTHENTICATION_MANAGER, member }, {
            what: "disturb",
            signature,
            body,
            limitMs: 60_000,
          }).then(() => "ok", (error) => {
            if (isMenderError(error, "bus.unknown-method")) return error.code;
            // The bus itself lets so many calls wait for their answers, and no more.
            return /LimitsExceeded/.test(String(error)) ? "too many" : String(error);
          });
        });
        const ends = new Set(await Promise.all(attempts));
        ends.delete("too many");
        assert.deepEqual([...ends].sort(), ["bus.unknown-method", "ok"]);
        const seen = polls(server);
        await waitUntil("polls", () => polls(server) >= seen + 2, 30_000);
        assert.ok(authentications(server) < 100, `${authentications(server)} authentications`);
        assert.ok(await client.getJwtToken());
        assert.doesNotMatch(daemon.output(), /WARN|ERROR/);
      })),
  busPeer,
);

test(
  "daemon has a token for others while a deployment is in progress",
  () =>
    onStage({}, ({ bus, rig }) =>
      calling(bus, async (client) => {
        rig.write(rig.paths.lock, "");
        const daemon = rig.start("daemon");
        await tokenOn(client);
        assert.match(daemon.output(), /A deployment is in progress/);
      })),
  busPeer,
);
