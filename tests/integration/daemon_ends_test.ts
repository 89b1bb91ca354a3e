/** How `daemon`, `--once` and `--stay` end, and with which exit code. */
import assert from "node:assert/strict";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, rigArtifact, type RigOptions, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

interface Case {
  readonly name: string;
  readonly rig?: Partial<RigOptions>;
  readonly isAccepted?: false;
  readonly isAway?: true;
  readonly isOffered?: true;
  /** Exit code of `--once`. */
  readonly once: number;
  /** Whether the deployment has come as far as it does. */
  isReached(server: MenderServer, rig: ClientRig, output: string): boolean;
}

const isPolled = (server: MenderServer): boolean =>
  server.journal.entries.some(({ path, status }) => path.endsWith("/next") && status === 204);

const cases: Case[] = [
  { name: "there is nothing to do", once: 0, isReached: isPolled },
  {
    name: "an Artifact is handed over",
    isOffered: true,
    once: 0,
    isReached: (_, rig) => rig.record()?.phase === "handed_over" && rig.installed().length === 1,
  },
  {
    name: "the deployment fails",
    isOffered: true,
    rig: { install: null },
    once: 1,
    isReached: (_, rig) => rig.record()?.phase === "acknowledged",
  },
  {
    name: "the server is away",
    isAway: true,
    once: 1,
    isReached: (_server, _rig, output) => /WARNING Failed to authenticate/.test(output),
  },
  {
    name: "the device is not accepted",
    isAccepted: false,
    once: 1,
    isReached: (_server, _rig, output) => /INFO Not accepted by the server yet/.test(output),
  },
];

/** Runs a body with the device and the server of a case, before any daemon runs. */
function withCase(
  row: Case,
  body: (rig: ClientRig, server: MenderServer) => Promise<void>,
): Promise<void> {
  return withServer(
    { autoAccept: row.isAccepted !== false },
    (server) =>
      withRig({ serverUrl: server.url, ...row.rig }, async (rig) => {
        if (row.isOffered) {
          await server.uploadArtifact(rigArtifact("release-2"));
          assert.equal((await rig.run("daemon", "--once")).code, 0);
          server.createDeployment({ artifactName: "release-2" });
        }
        if (row.isAway) {
          server.setInterceptor((exchange) => {
            exchange.reset();
            return true;
          });
        }
        await body(rig, server);
      }),
  );
}

for (const row of cases) {
  test(`daemon --once, when ${row.name}, ends by itself with ${row.once}`, () =>
    withCase(row, async (rig, server) => {
      const { code, stderr } = await rig.run("daemon", "--once");
      assert.equal(code, row.once, stderr);
      await waitUntil("what it has done", () => row.isReached(server, rig, stderr));
    }));

  test(`daemon --stay, when ${row.name}, goes on until SIGTERM, and ends with 0`, () =>
    withCase(row, async (rig, server) => {
      const daemon = rig.start("daemon", "--stay");
      await waitUntil(
        "what it does",
        () => row.isReached(server, rig, daemon.output()),
      );
      assert.equal(daemon.child.exitCode, null, daemon.output());
      assert.notEqual((await rig.run("status")).stdout, "");
      daemon.kill("SIGTERM");
      const { code, stderr } = await daemon.ended;
      assert.equal(code, 0, stderr);
    }));
}
