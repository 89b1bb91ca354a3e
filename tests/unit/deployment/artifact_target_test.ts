import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ArtifactReader } from "../../../lib/artifact/mod.ts";
import { ArtifactTarget } from "../../../lib/deployment/artifact_target.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { writeArtifact } from "../../../lib/testing/artifact_writer.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

const STORED = writeArtifact({
  name: "release-2",
  deviceTypes: ["acme-box"],
  payloadType: "acme",
  files: [{ name: "payload.bin", content: { sizeBytes: 33 << 20, seed: 3 } }],
  compression: "none",
});

/** Runs a body with a target whose part file is a whole Artifact already. */
function withStored(body: (target: ArtifactTarget) => Promise<void>): Promise<void> {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "artifact.mender.part");
    writeFileSync(path, STORED);
    const target = new ArtifactTarget({
      files,
      path,
      makeReader: () => new ArtifactReader({ verifyKeys: [], onDescription: () => {} }),
      onVersion: () => {},
      onProgress: () => {},
    });
    try {
      await body(target);
    } finally {
      target.close();
    }
  });
}

test("ArtifactTarget pauses while it reads back, so that others come to their turn", () =>
  withStored(async (target) => {
    let breaths = 0;
    await target.readBack(() => {
      breaths++;
      return Promise.resolve();
    });
    assert.equal(breaths, 4);
    assert.equal(target.offset, STORED.length);
    assert.equal((await target.finish()).name, "release-2");
  }));

test("ArtifactTarget stops reading back when it is told to", () =>
  withStored(async (target) => {
    const reason = new Error("SIGTERM");
    await assert.rejects(target.readBack(() => Promise.reject(reason)), reason);
    assert.ok(target.offset < STORED.length / 2);
  }));
