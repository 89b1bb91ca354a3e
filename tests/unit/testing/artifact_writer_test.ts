import { strict as assert } from "node:assert";
import { generateKeyPairSync } from "node:crypto";
import { READABLE_SUFFIXES } from "../../support/packed.ts";
import { test } from "../../support/test.ts";
import { ArtifactReader, keyFingerprint } from "../../../lib/artifact/mod.ts";
import {
  artifactChunks,
  type ArtifactSpec,
  seededContent,
  writeArtifact,
} from "../../../lib/testing/artifact_writer.ts";
import { joined } from "../../../lib/testing/tar_writer.ts";

const COMPRESSIONS = [
  ...["none", "gz"] as const,
  ...READABLE_SUFFIXES.includes(".zst") ? ["zst"] as const : [],
];
const SPEC: ArtifactSpec = {
  name: "release-1",
  deviceTypes: ["board"],
  payloadType: "app",
  files: [
    { name: "a.bin", content: { sizeBytes: 200_000, seed: 4 } },
    { name: "b.bin", content: new Uint8Array(5) },
  ],
  compression: "none",
};

async function describe(
  spec: ArtifactSpec,
  verifyKeys: Parameters<typeof keyFingerprint>[0][] = [],
) {
  const reader = new ArtifactReader({ verifyKeys });
  for (const chunk of artifactChunks(spec)) await reader.push(chunk);
  return await reader.finish();
}

test("writeArtifact() gives the same bytes for the same Artifact", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  for (const compression of COMPRESSIONS) {
    const spec = { ...SPEC, compression, signWith: privateKey };
    assert.deepEqual(writeArtifact(spec), writeArtifact(spec));
  }
});

test("writeArtifact() and artifactChunks() write the same Artifact", () => {
  for (const compression of COMPRESSIONS) {
    const spec = { ...SPEC, compression };
    assert.deepEqual(joined(artifactChunks(spec)), writeArtifact(spec));
  }
});

test("artifactChunks() writes what the reader accepts, signed and unsigned", async () => {
  const pairs = [
    generateKeyPairSync("rsa", { modulusLength: 2048 }),
    generateKeyPairSync("ec", { namedCurve: "prime256v1" }),
  ];
  for (const compression of COMPRESSIONS) {
    const plain = await describe({ ...SPEC, compression });
    assert.equal(plain.isSigned, false);
    assert.deepEqual(plain.files.map((file) => file.sizeBytes), [200_000, 5]);
    for (const { privateKey, publicKey } of pairs) {
      const signed = await describe({ ...SPEC, compression, signWith: privateKey }, [publicKey]);
      assert.equal(signed.signedBy, keyFingerprint(publicKey));
      assert.deepEqual(signed.files, plain.files);
    }
  }
});

test("artifactChunks() writes augmented Artifacts", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  for (const compression of COMPRESSIONS) {
    const augment = {
      files: [{ name: "c.bin", content: { sizeBytes: 70_000, seed: 5 } }],
      provides: { more: "1" },
      depends: { less: ["0"] },
      metaData: { a: 1 },
    };
    const spec = { ...SPEC, compression, signWith: privateKey, augment };
    const { files, provides, augment: found } = await describe(spec);
    assert.deepEqual(files.map((file) => file.name), ["a.bin", "b.bin", "c.bin"]);
    assert.deepEqual(provides, { artifact_name: "release-1", more: "1" });
    assert.deepEqual(found, { files: ["c.bin"], provides: ["more"], depends: ["less"] });
  }
});

test("seededContent() differs by seed, and repeats no block", () => {
  const first = joined(seededContent(200_000, 1));
  assert.equal(first.length, 200_000);
  assert.deepEqual(joined(seededContent(200_000, 1)), first);
  assert.notDeepEqual(joined(seededContent(200_000, 2)), first);
  assert.notDeepEqual(first.subarray(0, 65536), first.subarray(65536, 131072));
  assert.equal(joined(seededContent(0, 1)).length, 0);
});
