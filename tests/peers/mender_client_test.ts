import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { JournalEntry, MenderServer, ServerOptions } from "../../lib/testing/mod.ts";
import { writeArtifact } from "../../lib/testing/artifact_writer.ts";
import { menderPeer, prepareMender, withMenderDaemon } from "../support/mender_namespace.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { withServer } from "../support/with_server.ts";

const peer = menderPeer();
const DEADLINE = { timeoutMs: 30_000 };

const artifact = (name: string, payloadType: string): Uint8Array =>
  writeArtifact({
    name,
    deviceTypes: ["acme-box"],
    payloadType,
    files: [{ name: "payload.bin", content: { sizeBytes: 100_000, seed: 3 } }],
    provides: { "acme.version": name },
    clearsProvides: ["acme.*"],
    compression: "gz",
  });

/** Runs the unchanged client against a server of ours, and waits for its first request. */
function withClient(
  options: Partial<ServerOptions>,
  body: (parts: { server: MenderServer; deviceId: string; dir: string }) => Promise<void>,
): Promise<void> {
  return inTemporaryDirectory((dir) =>
    withServer(options, async (server) => {
      const rig = prepareMender({
        dir,
        serverUrl: server.url,
        caCertificate: server.caCertificate,
        artifactName: "acme-7",
        deviceType: "acme-box",
        mac: "02:11:22:33:44:55",
        makesKey: true,
        modules: {
          good: moduleScript(`cp files/payload.bin ${dir}/installed`),
          bad: moduleScript("echo the module does not like it >&2; exit 1"),
          // Waits for the test, but never longer than it does.
          held: moduleScript(
            `i=0; while [ ! -e ${dir}/gate ] && [ $i -lt 600 ]; do sleep 0.05; i=$((i+1)); done`,
          ),
        },
      });
      await withMenderDaemon(rig, async () => {
        await server.journal.waitFor(isAuth(401), DEADLINE);
        const deviceId = server.devices()[0]?.id ?? "";
        assert.equal(server.devices()[0]?.status, "pending");
        server.acceptDevice(deviceId);
        await server.journal.waitFor(isAuth(200), DEADLINE);
        await body({ server, deviceId, dir });
      });
    })
  );
}

function moduleScript(install: string): string {
  return `case "$1" in
  NeedsArtifactReboot) echo No ;;
  SupportsRollback) echo Yes ;;
  ArtifactInstall) cd "$2"; ${install} ;;
esac`;
}

const isAuth = (status: number) => (entry: JournalEntry): boolean =>
  entry.path.endsWith("/auth_requests") && entry.status === status;
const isNext = (status: number) => (entry: JournalEntry): boolean =>
  entry.path.endsWith("/next") && entry.status === status;
const isReport = (id: string, value: string, status = 204) => (entry: JournalEntry): boolean =>
  entry.path.endsWith(`/${id}/status`) && entry.status === status &&
  (entry.body as { status?: unknown }).status === value;

const history = (server: MenderServer, id: string): string[] =>
  server.deployment(id).devices[0]?.history.map(({ status }) => status) ?? [];

for (const scheme of ["http", "https"] as const) {
  test(
    `mender 3.4 over ${scheme} authenticates, sends inventory, and installs`,
    () =>
      withClient({ tls: scheme === "https" }, async ({ server, deviceId, dir }) => {
        await server.journal.waitFor(
          (entry) => entry.path.endsWith("/attributes") && entry.status === 200,
          DEADLINE,
        );
        const [device] = server.devices();
        assert.deepEqual(device?.identity, { mac: "02:11:22:33:44:55" });
        assert.ok(
          device?.inventory.some(({ name, value }) =>
            name === "artifact_name" && value === "acme-7"
          ),
        );
        await server.journal.waitFor(isNext(204), DEADLINE);

        await server.uploadArtifact(artifact("acme-8", "good"));
        const id = server.createDeployment({ artifactName: "acme-8" });
        await server.journal.waitFor(isReport(id, "success"), DEADLINE);
        assert.deepEqual([...new Set(history(server, id))], [
          "downloading",
          "installing",
          "success",
        ]);
        assert.equal(readFileSync(join(dir, "installed")).length, 100_000);

        const from = server.journal.position;
        const again = server.createDeployment({ artifactName: "acme-8", devices: [deviceId] });
        await server.journal.waitFor(isNext(204), { ...DEADLINE, from });
        assert.deepEqual(history(server, again), ["already-installed"]);
        assert.deepEqual(server.violations(), []);
      }),
    peer,
  );
}

test(
  "mender 3.4 reports a failing module, with its log",
  () =>
    withClient({ nextVersions: ["v1"] }, async ({ server, deviceId }) => {
      await server.uploadArtifact(artifact("acme-8", "bad"));
      const id = server.createDeployment({ artifactName: "acme-8" });
      await server.journal.waitFor(isReport(id, "failure"), DEADLINE);
      await server.journal.waitFor(
        (entry) => entry.path.endsWith(`/${id}/log`) && entry.status === 204,
        DEADLINE,
      );
      const text = JSON.stringify(server.deploymentLog(id, deviceId));
      assert.match(text, /the module does not like it/);
      assert.deepEqual(server.violations(), []);
    }),
  peer,
);

test(
  "mender 3.4 rolls back when its deployment was aborted",
  () =>
    withClient({}, async ({ server, dir }) => {
      await server.uploadArtifact(artifact("acme-8", "held"));
      const id = server.createDeployment({ artifactName: "acme-8" });
      await server.journal.waitFor(isReport(id, "installing"), DEADLINE);
      server.abortDeployment(id);
      writeFileSync(join(dir, "gate"), "");
      await server.journal.waitFor(
        (entry) => entry.path.endsWith(`/${id}/status`) && entry.status === 409,
        DEADLINE,
      );
      const from = server.journal.position;
      await server.journal.waitFor(isNext(204), { ...DEADLINE, from });
      assert.equal(history(server, id).at(-1), "aborted");
      assert.equal(existsSync(join(dir, "installed")), false);
    }),
  peer,
);

test(
  "mender 3.4 comes back after its tokens were withdrawn",
  () =>
    withClient({}, async ({ server }) => {
      await server.journal.waitFor(isNext(204), DEADLINE);
      const from = server.journal.position;
      server.revokeTokens();
      await server.journal.waitFor((entry) => entry.status === 401, { ...DEADLINE, from });
      await server.journal.waitFor(isAuth(200), { ...DEADLINE, from });
      await server.journal.waitFor(isNext(204), { ...DEADLINE, from });
    }),
  peer,
);
