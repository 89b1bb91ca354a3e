import assert from "node:assert/strict";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { notifyPeer, withNotifyReceiver } from "../support/notify_receiver.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

test(
  "daemon tells systemd when it is ready, what it is about, that it reloads, and that it stops",
  () =>
    inTemporaryDirectory((directory) =>
      withNotifyReceiver(
        directory,
        ({ path, messages }) =>
          withServer({}, (server) =>
            withRig({ serverUrl: server.url, env: { NOTIFY_SOCKET: path } }, async (rig) => {
              await server.uploadArtifact(rigArtifact("release-2"));
              const daemon = rig.start("daemon", "--stay");
              const told = (what: string): Promise<true> =>
                waitUntil(what, () => messages().includes(what) || undefined).catch((error) => {
                  throw new Error(
                    `${error.message}\n${messages().join("\n")}\n${daemon.output()}`,
                  );
                }) as Promise<true>;
              await told("READY=1");
              await told("STATUS=Not let in by the server (auth.unauthorized)");
              server.acceptDevice(server.devices()[0]!.id);
              await told("STATUS=Polls every 1 s");
              const idle = messages().length;
              const from = server.journal.position;
              await server.journal.waitFor(({ path }) => path.endsWith("/next"), {
                timeoutMs: 10_000,
                from,
              });
              assert.equal(messages().length, idle, "polls are not told");

              daemon.kill("SIGHUP");
              await told("RELOADING=1");
              await waitUntil(
                "READY=1 again",
                () => messages().lastIndexOf("READY=1") > messages().indexOf("RELOADING=1"),
              );
              const id = server.createDeployment({ artifactName: "release-2" });
              await told("STATUS=A deployment is with the sub-updater");
              assert.ok(messages().some((text) => text.startsWith(`STATUS=Deployment ${id}: `)));
              daemon.kill("SIGTERM");
              const { code, stderr } = await daemon.ended;
              assert.equal(code, 0, stderr);
              assert.doesNotMatch(stderr, /Cannot tell the service manager/);
              assert.deepEqual(messages().slice(-2), ["STOPPING=1", "STATUS=Stopping"]);
            })),
      )
    ),
  notifyPeer,
);

test("daemon goes on, with one warning, when nobody listens where systemd should", () =>
  withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, env: { NOTIFY_SOCKET: "/nowhere" } }, async (rig) => {
        const { code, stderr } = await rig.run("daemon", "--once");
        assert.equal(code, 0, stderr);
        assert.equal(stderr.match(/WARNING Cannot tell the service manager/g)?.length, 1, stderr);
      }),
  ));

test("the sub-updater is not told where systemd listens", () =>
  withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url, env: { NOTIFY_SOCKET: "/nowhere" } }, async (rig) => {
        const seen = `${rig.root}/environment`;
        rig.script(rig.paths.installScript, `env > ${seen}.new; mv ${seen}.new ${seen}`);
        await server.uploadArtifact(rigArtifact("release-2"));
        assert.equal((await rig.run("daemon", "--once")).code, 0);
        server.createDeployment({ artifactName: "release-2" });
        assert.equal((await rig.run("daemon")).code, 0);
        const environment = await waitUntil("the sub-updater", () => rig.read(seen));
        assert.match(environment, /^PATH=/m);
        assert.doesNotMatch(environment, /NOTIFY_SOCKET/);
      }),
  ));
