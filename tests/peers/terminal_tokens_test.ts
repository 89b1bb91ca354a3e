import { strict as assert } from "node:assert";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { withRig } from "../support/client_rig.ts";
import { MenderCli } from "../support/mender_cli.ts";
import { prepareTokenProvider } from "../support/mender_connect_rig.ts";
import { MenderDaemon, menderPeer } from "../support/mender_namespace.ts";
import { peer } from "../support/peers.ts";
import { membersOf } from "../support/processes.ts";
import { busPeer, withSystemBus } from "../support/system_bus.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const cliPeer = peer("mender-cli", "apt-get install mender-cli");
const needed = [cliPeer, busPeer, menderPeer()].find(({ skip }) => skip !== undefined) ?? {};

/** A shell of the device, opened by the real mender-cli in a real terminal, which then is left. */
async function useShell(cli: MenderCli, deviceId: string): Promise<void> {
  const terminal = await cli.inTerminal(["terminal", deviceId]);
  await terminal.seen(/[$#] /, 40_000);
  terminal.type("echo pid=$$. works-$((40+2))\r");
  const pid = Number((await terminal.seen(/pid=(\d+)\. works-42/))[1]);
  terminal.type(Uint8Array.of(0x1d));
  await terminal.pty.ended;
  await waitUntil("the end of the shell", () => membersOf(pid).length === 0, 20_000);
}

test(
  "terminal has its token from the real mender on the D-Bus, over restarts of mender and of the bus",
  () =>
    inTemporaryDirectory((dir) =>
      withServer({ tls: true }, (server) =>
        withSystemBus(dir, {}, async (bus) => {
          const daemon = new MenderDaemon(prepareTokenProvider(join(dir, "mender"), server), {
            DBUS_SYSTEM_BUS_ADDRESS: bus.address,
          });
          daemon.start();
          try {
            await withRig({
              serverUrl: server.url,
              net: ["http://127.0.0.1", "http://localhost"],
              busSocket: bus.socket,
              limitMs: 200_000,
            }, async (rig) => {
              rig.write(
                rig.paths.connectConfig,
                JSON.stringify({
                  RemoteTerminal: true,
                  ShellCommand: "/bin/bash",
                  ShellArguments: ["--norc", "--noprofile"],
                }),
              );
              const device = await waitUntil("mender", () => server.devices()[0], 30_000);
              const terminal = rig.start("terminal");
              const connected = () =>
                waitUntil("the connection", () => server.isConnected(device.id), 60_000);
              try {
                // Nobody is authorised yet: our terminal waits, and makes no key of its own.
                await waitUntil(
                  "the client",
                  () => /Tokens come from the Mender client/.test(terminal.output()),
                  30_000,
                );
                server.acceptDevice(device.id);
                await connected();
                mkdirSync(join(dir, "home"));
                const cli = await MenderCli.login(server, join(dir, "home"));
                await useShell(cli, device.id);

                await daemon.stop();
                await waitUntil("the end", () => !server.isConnected(device.id), 30_000);
                daemon.start();
                await connected();
                await useShell(cli, device.id);

                // mender 3.4 does not come back to a bus by itself: it is started again too.
                await daemon.stop();
                await bus.stop();
                await waitUntil("the end", () => !server.isConnected(device.id), 30_000);
                await bus.start();
                daemon.start();
                await connected();
                await useShell(cli, device.id);
              } catch (error) {
                throw new Error(
                  `${error instanceof Error ? error.stack : error}\n${terminal.output()}`,
                );
              }
              assert.equal(server.devices().length, 1, "one device: mender's");
              assert.equal(existsSync(rig.paths.key), false);
              assert.doesNotMatch(terminal.output(), /eyJ/);
              assert.deepEqual(server.violations(), []);
              terminal.kill("SIGTERM");
              assert.equal((await terminal.ended).code, 0);
            });
          } catch (error) {
            throw daemon.blamed(error);
          } finally {
            await daemon.stop();
          }
        }))
    ),
  { ...needed, leaks: "a thread of the terminal addon", limitMs: 240_000 },
);
