import assert from "node:assert/strict";
import { existsSync, renameSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

test("a data directory that is a link to another partition works, with the rights to the link alone", () =>
  inTemporaryDirectory((partition) =>
    withServer({ autoAccept: true }, (server) =>
      withRig({ serverUrl: server.url }, async (rig) => {
        const { dataDirectory, artifactFile, record } = rig.paths;
        renameSync(dataDirectory, join(partition, "mender"));
        symlinkSync(join(partition, "mender"), dataDirectory);
        await server.uploadArtifact(rigArtifact("release-2"));

        // The second start reads what the first has written.
        const first = await rig.run("daemon", "--once");
        assert.equal(first.code, 0, first.stderr);
        const id = server.createDeployment({ artifactName: "release-2" });
        const { code, stderr } = await rig.run("daemon");
        assert.equal(code, 0, stderr);
        await waitUntil("the sub-updater", () => rig.installed().length);
        assert.deepEqual(rig.installed(), [artifactFile]);
        const reported = await rig.run("report", "--success");
        assert.equal(reported.code, 0, reported.stderr);

        const { status } = server.deployment(id).devices[0]!;
        assert.deepEqual([server.devices().length, status], [1, "success"]);
        assert.ok(existsSync(join(partition, "mender/deployment.json")), record);
      }))
  ));
