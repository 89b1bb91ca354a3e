import { strict as assert } from "node:assert";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  ackFrame,
  bodyText,
  forwardFrame,
  forwardNewFrame,
  integerProperty,
  menderClientFrame,
  pathFrame,
  plainControlFrame,
} from "../../lib/connect/protocol/internal.ts";
import { serviceScript } from "../../lib/runtime/processes/service_script.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, type Running, withRig } from "../support/client_rig.ts";
import { isAlive, membersOf } from "../support/processes.ts";
import { EVERYTHING, TestTerminal } from "../support/remote_access_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

/** Runs the command `terminal` of a device, over https, under its permission set. */
function withTerminal(
  options: { config?: Record<string, unknown>; flags?: readonly string[]; net?: readonly string[] },
  body: (parts: {
    server: MenderServer;
    rig: ClientRig;
    terminal: Running;
    deviceId: string;
  }) => Promise<void>,
): Promise<void> {
  return withServer({ tls: true, autoAccept: true }, (server) =>
    withRig({
      serverUrl: server.url,
      config: { ServerCertificate: "ca.pem" },
      ...(options.flags && { flags: options.flags }),
      ...(options.net && { net: options.net }),
    }, async (rig) => {
      const certificate = join(rig.root, "ca.pem");
      writeFileSync(certificate, server.caCertificate ?? "");
      rig.write(
        rig.paths.mainConfig,
        JSON.stringify({ ServerURL: server.url, ServerCertificate: certificate }),
      );
      rig.write(rig.paths.connectConfig, JSON.stringify(options.config ?? EVERYTHING));
      const terminal = rig.start("terminal");
      try {
        const deviceId = await waitUntil(
          "the connection",
          () => server.devices().map(({ id }) => id).find((id) => server.isConnected(id)),
          40_000,
        );
        await body({ server, rig, terminal, deviceId });
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.stack : error}\n${terminal.output()}`);
      }
    }));
}

test("terminal, the command: the server wakes the daemon that runs beside it", async () => {
  await withTerminal({}, async ({ server, rig, deviceId }) => {
    const config = JSON.parse(rig.read(rig.paths.mainConfig));
    rig.write(
      rig.paths.mainConfig,
      JSON.stringify({
        ...config,
        UpdatePollIntervalSeconds: 3600,
        InventoryPollIntervalSeconds: 3600,
        FirstContactSpreadSeconds: 0,
      }),
    );
    const daemon = rig.start("daemon");
    const count = (end: string): number =>
      server.journal.entries.filter(({ path }) => path.endsWith(end)).length;
    await waitUntil(
      "the first round",
      () => count("/next") === 1 && count("/attributes") === 1,
      20_000,
    );
    const session = server.openSession(deviceId);
    for (const type of ["check-update", "send-inventory"] as const) {
      session.send(menderClientFrame(type, "", "u"));
      const answer = await session.next();
      assert.deepEqual([answer.type, integerProperty(answer, "status")], [type, 1]);
    }
    await waitUntil("both", () => count("/next") === 2 && count("/attributes") === 2);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0, daemon.output());
    session.send(menderClientFrame("check-update", "", "u"));
    const answer = await session.next();
    assert.equal(integerProperty(answer, "status"), 2);
    assert.match(bodyText(answer), /none listens at/);
    session.close();
  });
});

const isDeno = "Deno" in globalThis;

/** By which of the two a terminal is made is settled by a permission, which is Deno's. */
const ways: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ["native", []],
  ...(isDeno ? [["script", ["--deny-ffi"]] as const] : []),
];

for (const [name, flags] of ways) {
  test(
    `terminal, the command (${name}): shell, file and port, and an end that leaves nothing`,
    () => {
      const target = createServer((socket) => socket.end("from the port"));
      return new Promise<void>((resolve) => target.listen(0, "127.0.0.1", () => resolve()))
        .then(() => {
          const { port } = target.address() as AddressInfo;
          return withTerminal(
            { flags, net: [`http://127.0.0.1:${port}`] },
            async ({ server, rig, terminal, deviceId }) => {
              const shell = new TestTerminal(server.openSession(deviceId));
              shell.type("sleep 600 &\necho pid=$$. $TERM\n");
              const pid = Number((await shell.seen(/pid=(\d+)\. xterm-256color/))[1]);
              assert.equal(membersOf(pid).length, 2);

              const files = server.openSession(deviceId);
              files.send(pathFrame("get_file", "", rig.paths.connectConfig));
              const chunk = await files.next();
              assert.equal(bodyText(chunk), readFileSync(rig.paths.connectConfig, "utf8"));
              files.send(ackFrame("", chunk.body.length));
              files.send(plainControlFrame("close", ""));
              files.close();

              const ports = server.openSession(deviceId);
              ports.send(forwardNewFrame("", "c", { host: "127.0.0.1", port, protocol: "tcp" }));
              assert.equal((await ports.next()).type, "new");
              assert.equal(bodyText(await ports.next()), "from the port");
              ports.send(forwardFrame("ack", "", "c"));
              assert.equal((await ports.next()).type, "stop");
              ports.send(plainControlFrame("close", ""));
              ports.close();

              terminal.kill("SIGTERM");
              const { code, stderr } = await terminal.ended;
              assert.equal(code, 0, stderr);
              assert.match(stderr, /User is not set: shells run as the user of this program/);
              assert.ok(stderr.includes(`terminal=${name}`), stderr);
              assert.match(stderr, /Remote access offers terminal, fileTransfer, portForward/);
              assert.deepEqual(membersOf(pid), []);
              assert.equal(isAlive(pid), false);
              await shell.close();
              assert.deepEqual(server.violations(), []);
            },
          );
        })
        .finally(() => new Promise<void>((resolve) => target.close(() => resolve())));
    },
  );
}

for (const [name, flags] of ways) {
  test(`terminal, the command (${name}): when it is killed, nothing of its shells is left`, () =>
    withTerminal({ flags }, async ({ server, terminal, deviceId }) => {
      const shell = new TestTerminal(server.openSession(deviceId));
      shell.type("sleep 600 & nohup sleep 601 >/dev/null 2>&1 & (trap '' HUP TERM; sleep 602 &)\n");
      shell.type("echo pid=$$.\n");
      const pid = Number((await shell.seen(/pid=(\d+)\./))[1]);
      await waitUntil("the jobs", () => membersOf(pid).length === 4);
      terminal.kill("SIGKILL");
      await terminal.ended;
      await waitUntil("the end of all", () => membersOf(pid).length === 0, 20_000);
      await shell.close();
    }));
}

/** A permission is Deno's. */
const denied = isDeno ? [`--deny-run=${serviceScript("end_session.sh")}`] : undefined;
if (denied !== undefined) {
  test("terminal, the command, ends its shells by itself where they may have no guard, and says so", () =>
    withTerminal({ flags: denied }, async ({ server, terminal, deviceId }) => {
      const shell = new TestTerminal(server.openSession(deviceId));
      shell.type("sleep 600 &\necho pid=$$.\n");
      const pid = Number((await shell.seen(/pid=(\d+)\./))[1]);
      assert.equal(membersOf(pid).length, 2);
      shell.session.send({ protocol: 1, type: "stop" });
      await shell.answer("stop");
      assert.deepEqual(membersOf(pid), []);
      assert.match(terminal.output(), /Jobs of a shell would outlive the end of this program/);
      await shell.close();
    }));
}

test("terminal, the command, offers nothing unless a file asks for it", () =>
  withServer({}, (server) =>
    withRig({ serverUrl: server.url }, async (rig) => {
      for (const config of [undefined, { ShellCommand: "/bin/sh", User: "root" }]) {
        if (config !== undefined) rig.write(rig.paths.connectConfig, JSON.stringify(config));
        const { code, stderr } = await rig.run("terminal");
        assert.equal(code, 0, stderr);
        assert.match(stderr, /Nothing is offered/);
      }
      assert.deepEqual(server.journal.entries, []);
    })));

test("terminal, the command, tells at its start what would keep a shell from starting", () =>
  withTerminal(
    { config: { RemoteTerminal: "yes", User: "nobody-of-that-name" } },
    async ({ server, terminal, deviceId }) => {
      assert.match(terminal.output(), /Terminals will be refused.*nobody-of-that-name/);
      const shell = new TestTerminal(server.openSession(deviceId));
      assert.match(bodyText(await shell.answer("new")), /there is no user/);
      await shell.close();
      terminal.kill("SIGINT");
      assert.equal((await terminal.ended).code, 130);
    },
  ));

test("terminal, the command, comes back with a new token when the server has withdrawn the old one", () =>
  withTerminal({}, async ({ server, terminal, deviceId }) => {
    const from = server.journal.position;
    server.revokeTokens();
    server.disconnectDevice(deviceId, 1001);
    await waitUntil("the end", () => !server.isConnected(deviceId));
    await waitUntil("the connection", () => server.isConnected(deviceId), 30_000);
    const entries = server.journal.entries.slice(from);
    assert.deepEqual(
      entries.filter(({ path }) => path.endsWith("/connect")).map(({ status }) => status),
      [401, 101],
    );
    assert.doesNotMatch(terminal.output(), /eyJ/);
    terminal.kill("SIGTERM");
    assert.equal((await terminal.ended).code, 0);
  }));
