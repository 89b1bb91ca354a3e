import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, rigArtifact, type RigOptions, withRig } from "../support/client_rig.ts";
import { test as registerTest } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

// The sub-updater is let go of on purpose, so that it outlives its client.
const test = (name: string, body: () => Promise<void>): void =>
  registerTest(name, body, { leaks: "the sub-updater outlives its client" });

interface Scene {
  readonly server: MenderServer;
  readonly rig: ClientRig;
  statuses(): string[];
  log(): string;
}

/** A daemon that stays, and a deployment that it hands to a sub-updater of these lines. */
async function handedTo(
  lines: (rig: ClientRig) => string,
  body: (scene: Scene) => Promise<void>,
  options: Partial<RigOptions> = {},
): Promise<void> {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url, ...options }, async (rig) => {
      rig.write(rig.paths.installScript, lines(rig), 0o755);
      await server.uploadArtifact(rigArtifact("release-2", 3000));
      const daemon = rig.start("daemon", "--stay");
      await waitUntil("a device", () => server.devices()[0]?.inventory.length);
      const id = server.createDeployment({ artifactName: "release-2" });
      await body({
        server,
        rig,
        statuses: () => server.deployment(id).devices[0]!.history.map(({ status }) => status),
        log: () =>
          (server.deploymentLog(id, server.devices()[0]!.id) ?? [])
            .map(({ message }) => message).join("\n"),
      });
      daemon.kill("SIGTERM");
      assert.equal((await daemon.ended).code, 0, daemon.output());
      assert.deepEqual(server.violations(), []);
    });
  });
}

function report(rig: ClientRig, outcome: string): string {
  return rig.command("report", outcome).map((word) => `'${word}'`).join(" ");
}

const SHORT_WAIT = { config: { HandoffTimeoutSeconds: 2 } };
const BEFORE = ["downloading", "installing"];

test("a sub-updater without a first line for the kernel is run by the shell", async () => {
  await handedTo(
    (rig) => `${report(rig, "--success")} && rm ${rig.paths.lock}\n`,
    async ({ rig, statuses }) => {
      await waitUntil("the outcome", () => statuses().length === 3, 20_000);
      assert.deepEqual(statuses(), [...BEFORE, "success"]);
      await waitUntil("the release of the lock", () => !existsSync(rig.paths.lock));
    },
  );
});

test("a sub-updater that forks and ends goes on, and its report counts", async () => {
  await handedTo(
    (rig) =>
      `#!/bin/sh\n(sleep 1; ${report(rig, "--success")} && rm ${rig.paths.lock}) &\nexit 0\n`,
    async ({ rig, statuses }) => {
      await waitUntil("the outcome", () => statuses().length === 3, 20_000);
      assert.deepEqual(statuses(), [...BEFORE, "success"]);
      await waitUntil("the release of the lock", () => !existsSync(rig.paths.lock));
    },
  );
});

for (
  const [name, end] of [
    ["is killed", "kill -9 $$"],
    ["ends at once", "exit 0"],
    ["fails at once", "exit 7"],
  ] as const
) {
  test(`a sub-updater that ${name} without a report is reported as a failure, with its output`, async () => {
    await handedTo(
      () => `#!/bin/sh\necho to the one; echo to the other >&2\n${end}\n`,
      async ({ rig, statuses, log }) => {
        await waitUntil("the outcome", () => statuses().length === 3, 20_000);
        assert.deepEqual(statuses(), [...BEFORE, "failure"]);
        await waitUntil("the release of the lock", () => !existsSync(rig.paths.lock));
        assert.match(log(), /has not reported within 2 s/);
        assert.match(log(), /^to the one\nto the other$/m);
      },
      SHORT_WAIT,
    );
  });
}

for (
  const [name, arrange, message] of [
    ["missing", { install: null }, /there is no sub-updater at/],
    ["not executable", {}, /is not executable/],
  ] as const
) {
  test(`a sub-updater that is ${name} is a reported failure; the daemon lives on`, async () => {
    await withServer({ autoAccept: true }, async (server) => {
      await withRig({ serverUrl: server.url, ...arrange }, async (rig) => {
        if (name === "not executable") rig.write(rig.paths.installScript, "#!/bin/sh\n", 0o644);
        await server.uploadArtifact(rigArtifact("release-2", 3000));
        const daemon = rig.start("daemon");
        await waitUntil("a device", () => server.devices()[0]?.inventory.length);
        const id = server.createDeployment({ artifactName: "release-2" });
        const device = (): { status: string } => server.deployment(id).devices[0]!;
        await waitUntil("the failure", () => device().status === "failure");
        const messages = await waitUntil(
          "its log",
          () => server.deploymentLog(id, server.devices()[0]!.id),
        );
        assert.match(messages.map((each) => each.message).join("\n"), message);
        assert.ok(!existsSync(rig.paths.lock));
        const polls = server.journal.entries.length;
        await waitUntil("the next poll", () => server.journal.entries.length > polls + 1);
        daemon.kill("SIGTERM");
        assert.equal((await daemon.ended).code, 0, daemon.output());
      });
    });
  });
}

test("the output of a sub-updater that talks without end stays bounded, and its end is kept", async () => {
  await handedTo(
    (rig) =>
      `#!/bin/sh
yes "a line of sixteen" | head -c 9000000
echo "the last line"
while [ ! -e ${join(rig.root, "go")} ]; do sleep 0.1; done
${report(rig, "--failure")} && rm ${rig.paths.lock}
`,
    async ({ rig, statuses, log }) => {
      const size = (): number =>
        existsSync(rig.paths.subUpdaterLog) ? statSync(rig.paths.subUpdaterLog).size : 0;
      await waitUntil(
        "the last line",
        () => size() > 0 && rig.read(rig.paths.subUpdaterLog).endsWith("the last line\n"),
        20_000,
      );
      await waitUntil("a bounded log", () => size() <= 4 << 20, 20_000);
      rig.write(join(rig.root, "go"), "");
      await waitUntil("the outcome", () => statuses().length === 3, 20_000);
      await waitUntil("the log", () => log().endsWith("the last line"), 20_000);
    },
  );
});
