/** The real mender-connect, with its token from our daemon in the place of mender's. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { AuthenticationManagerClient, BusConnection } from "../../lib/dbus/mod.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { withRig } from "../support/client_rig.ts";
import { MenderCli } from "../support/mender_cli.ts";
import { menderConnectPeer } from "../support/mender_connect_rig.ts";
import { peer } from "../support/peers.ts";
import { type SystemBus, withSystemBus } from "../support/system_bus.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const cliPeer = peer("mender-cli", "apt-get install mender-cli");
const needed = [cliPeer, menderConnectPeer()].find(({ skip }) => skip !== undefined) ?? {};

/** Runs mender-connect on a bus while `body` runs; it trusts the certificate. */
async function withConnect(
  dir: string,
  bus: SystemBus,
  certificate: string,
  body: (said: () => string) => Promise<void>,
): Promise<void> {
  const config = join(dir, "mender-connect.conf");
  writeFileSync(config, JSON.stringify({ User: "root", ShellCommand: "/bin/bash" }));
  const args = ["--config", config, "--fallback-config", "NONE", "daemon"];
  const child: ChildProcess = spawn("mender-connect", args, {
    stdio: ["ignore", "pipe", "pipe"],
    // Its own "ServerCertificate" has no effect any more.
    env: { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus.address, SSL_CERT_FILE: certificate },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => output += String(chunk));
  }
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    await body(() => output);
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.stack : error}\nmender-connect said:\n${
        output.slice(-6000)
      }`,
      { cause: error },
    );
  } finally {
    child.kill("SIGTERM");
    const killer = setTimeout(() => child.kill("SIGKILL"), 8000);
    await closed;
    clearTimeout(killer);
  }
}

/**
 * A shell of the device, opened by the real mender-cli in a real terminal, which then is left. A new shell
 * of mender-connect now and then says nothing: then another one is opened.
 */
async function useShell(cli: MenderCli, deviceId: string, tries = 4): Promise<void> {
  try {
    await tryShell(cli, deviceId);
  } catch (error) {
    if (tries === 1) throw error;
    await useShell(cli, deviceId, tries - 1);
  }
}

/** Leaves the shell whatever comes: mender-connect lets a user have few at a time. */
async function tryShell(cli: MenderCli, deviceId: string): Promise<void> {
  const terminal = await cli.inTerminal(["terminal", deviceId]);
  try {
    await terminal.seen(/[$#] /, 15_000);
    terminal.type("echo works-$((40+2))\r");
    await terminal.seen(/works-42/, 15_000);
  } finally {
    terminal.type(Uint8Array.of(0x1d));
    await terminal.pty.ended;
  }
}

const connections = (server: MenderServer): number =>
  server.journal.entries.filter(({ path }) => path.endsWith("/deviceconnect/connect")).length;

test(
  "mender-connect runs beside our daemon, with each new token, and while the device is let in alone",
  () =>
    inTemporaryDirectory((dir) =>
      withServer({ tls: true }, (server) =>
        withSystemBus(
          dir,
          {},
          (bus) =>
            withRig({ serverUrl: server.url, busSocket: bus.socket }, async (rig) => {
              const certificate = join(rig.root, "ca.pem");
              rig.write(certificate, server.caCertificate ?? "");
              const config = JSON.parse(rig.read(rig.paths.mainConfig));
              rig.write(
                rig.paths.mainConfig,
                JSON.stringify({ ...config, ServerCertificate: certificate }),
              );
              const daemon = rig.start("daemon");
              await withConnect(dir, bus, certificate, async (said) => {
                const { id } = await waitUntil("the device", () => server.devices()[0], 30_000);
                assert.equal(server.isConnected(id), false);
                server.acceptDevice(id);
                await waitUntil("mender-connect", () => server.isConnected(id), 60_000);
                for (const renew of [() => fetchToken(bus), () => server.revokeTokens(id)]) {
                  const count = connections(server);
                  await renew();
                  await waitUntil("another one", () => connections(server) > count, 60_000);
                }
                server.rejectDevice(id);
                // Let in again before it has understood, it may never come back.
                await waitUntil("the way out", () => /loop terminated/i.test(said()), 60_000);
                await waitUntil("the end", () => !server.isConnected(id), 60_000);
                server.acceptDevice(id);
                await waitUntil("the way back", () => server.isConnected(id), 60_000);
                const home = join(dir, "home");
                mkdirSync(home);
                const cli = await MenderCli.login(server, home);
                try {
                  await useShell(cli, id);
                } finally {
                  await cli.stop();
                }
                assert.deepEqual(server.violations(), []);
                assert.doesNotMatch(daemon.output(), /eyJ/);
                daemon.kill("SIGTERM");
                assert.equal((await daemon.ended).code, 0, daemon.output());
              });
            }),
        ))
    ),
  { ...needed, leaks: "a thread of the terminal addon", limitMs: 240_000 },
);

/** Has the daemon authenticate anew. */
async function fetchToken(bus: SystemBus): Promise<void> {
  const connection = await BusConnection.open(bus.address, { clock: systemClock });
  try {
    assert.equal(await new AuthenticationManagerClient(connection).fetchJwtToken(), true);
  } finally {
    connection.close();
    await connection.lost;
  }
}
