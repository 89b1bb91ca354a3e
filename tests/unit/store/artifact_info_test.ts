import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { readArtifactInfo } from "../../../lib/store/artifact_info.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

const rows: [
  name: string,
  content: string,
  artifactName: string | undefined,
  provides: [string, string][],
][] = [
  ["a name", "artifact_name=acme-7\n", "acme-7", [["artifact_name", "acme-7"]]],
  ["more keys", "artifact_name=acme-7\nrootfs-image.version = 9\n", "acme-7", [
    ["artifact_name", "acme-7"],
    ["rootfs-image.version ", " 9"],
  ]],
  ["a repeated key", "artifact_name=a\nx=1\nartifact_name=b\n", "b", [["artifact_name", "b"], [
    "x",
    "1",
  ]]],
  ["no name", "x=1\n", undefined, [["x", "1"]]],
  ["an empty name", "artifact_name=\n", undefined, [["artifact_name", ""]]],
  ["nothing", "", undefined, []],
];
for (const [name, content, artifactName, provides] of rows) {
  test(`readArtifactInfo() reads a file with ${name}`, async () => {
    await inTemporaryDirectory((directory) => {
      writeFileSync(`${directory}/artifact_info`, content);
      const info = readArtifactInfo(files, `${directory}/artifact_info`);
      assert.equal(info.artifactName, artifactName);
      assert.deepEqual([...info.provides], provides);
      assert.equal(info.reason === undefined, artifactName !== undefined);
    });
  });
}

test("readArtifactInfo() says when there is no file", async () => {
  await inTemporaryDirectory((directory) => {
    const info = readArtifactInfo(files, `${directory}/none`);
    assert.equal(info.artifactName, undefined);
    assert.equal(info.provides.size, 0);
    assert.match(info.reason ?? "", /none: there is no such file/);
  });
});
