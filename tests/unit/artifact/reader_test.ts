import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { strict as assert } from "node:assert";
import { test } from "../../support/test.ts";
import {
  type ArtifactDescription,
  ArtifactReader,
  keyFingerprint,
} from "../../../lib/artifact/mod.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import {
  artifactChunks,
  type ArtifactSpec,
  manifestText,
  writeArtifact,
} from "../../../lib/testing/artifact_writer.ts";
import { joined, tarArchive, type TarEntry } from "../../../lib/testing/tar_writer.ts";
import { build, HEADER_INFO, PAYLOAD, read, sha256 } from "./artifact_parts.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" });

const SPEC: ArtifactSpec = {
  name: "release-2",
  group: "beta",
  deviceTypes: ["board-a", "board-b"],
  payloadType: "app",
  files: [
    { name: "one.bin", content: { sizeBytes: 3000, seed: 1 } },
    { name: "empty", content: new Uint8Array(0) },
    { name: "two.bin", content: { sizeBytes: 512, seed: 2 } },
  ],
  provides: { "app.version": "2" },
  depends: { "app.version": ["0", "1"], bootloader: "7", artifact_name: ["release-1"] },
  clearsProvides: ["app.*"],
  compression: "none",
  scripts: [{ name: "ArtifactReboot_Leave_10_check", content: "#!/bin/sh\nexit 0\n" }],
  metaData: { force: true },
};

test("ArtifactReader describes an Artifact the same way for all chunk sizes", async () => {
  for (const compression of ["none", "gz"] as const) {
    const bytes = writeArtifact({ ...SPEC, compression, signWith: rsa.privateKey });
    const verifyKeys = [ec.publicKey, rsa.publicKey];
    const whole = await read(bytes, { verifyKeys });
    assert.deepEqual(
      { ...whole, provides: Object.entries(whole.provides), files: whole.files.length },
      {
        formatVersion: 3,
        name: "release-2",
        group: "beta",
        deviceTypes: ["board-a", "board-b"],
        payloadTypes: ["app"],
        provides: [
          ["artifact_name", "release-2"],
          ["artifact_group", "beta"],
          ["app.version", "2"],
        ],
        depends: {
          device_type: ["board-a", "board-b"],
          artifact_name: ["release-1"],
          "app.version": ["0", "1"],
          bootloader: ["7"],
        },
        clearsProvides: ["app.*"],
        files: 3,
        scripts: ["ArtifactReboot_Leave_10_check"],
        isSigned: true,
        signedBy: keyFingerprint(rsa.publicKey),
        compression,
      },
    );
    assert.deepEqual(whole.files.map(({ name, sizeBytes }) => [name, sizeBytes]), [
      ["one.bin", 3000],
      ["empty", 0],
      ["two.bin", 512],
    ]);
    assert.equal(whole.files[1]!.sha256, sha256(""));
    for (const chunkBytes of [1, 7, 511, 512, 513, 4096]) {
      assert.deepEqual(await read(bytes, { verifyKeys }, chunkBytes), whole, `${chunkBytes}`);
    }
  }
});

test("ArtifactReader keeps a provide called __proto__ as a plain key", async () => {
  const typeInfo = '{"type":"test-module","artifact_provides":{"__proto__":"x"}}';
  const { provides } = await read(build({ typeInfo }));
  assert.deepEqual(Object.entries(provides), [
    ["artifact_name", "release-1"],
    ["__proto__", "x"],
  ]);
});

test("ArtifactReader hands out the description once, before any payload byte", async () => {
  const bytes = build();
  const dataAt = Buffer.from(bytes).indexOf("data/0000.tar\0");
  const seen: ArtifactDescription[] = [];
  const reader = new ArtifactReader({
    verifyKeys: [],
    onDescription: (description) => void seen.push(description),
  });
  await reader.push(bytes.subarray(0, dataAt));
  assert.equal(seen.length, 1);
  assert.equal(seen[0]!.name, "release-1");
  assert.deepEqual(seen[0]!.files, []);
  await reader.push(bytes.subarray(dataAt));
  const complete = await reader.finish();
  assert.equal(seen.length, 1);
  assert.equal(complete.files.length, PAYLOAD.length);
});

test("ArtifactReader hands out no description of a header whose checksum is wrong", async () => {
  let calls = 0;
  const bytes = build({ manifest: (text) => text.replace(/^.*(?= {2}header)/m, sha256("")) });
  await assert.rejects(read(bytes, { onDescription: () => void calls++ }, 64));
  assert.equal(calls, 0);
});

test("ArtifactReader waits for onDescription, and passes on what it throws", async () => {
  const refused = new Error("not today");
  for (const suffix of ["", ".gz"]) {
    // The payload is damaged: were it looked at first, the error would be another one.
    const bytes = build({ suffix, storedData: () => new Uint8Array(512).fill(1) });
    const onDescription = async () => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      throw refused;
    };
    const reader = new ArtifactReader({ verifyKeys: [], onDescription });
    await assert.rejects(reader.push(bytes), refused);
    await assert.rejects(reader.push(bytes), refused);
    await assert.rejects(reader.finish(), refused);
  }
});

test("ArtifactReader notes a signature that it has no key for", async () => {
  const description = await read(build({ signWith: rsa.privateKey }));
  assert.equal(description.isSigned, true);
  assert.equal("signedBy" in description, false);
  assert.equal((await read(build())).isSigned, false);
});

test("ArtifactReader accepts RSA and ECDSA signatures, the latter raw and in DER", async () => {
  const der = (manifest: Uint8Array, key: KeyObject) => sign("sha256", manifest, key);
  const raw = (manifest: Uint8Array, key: KeyObject) =>
    sign("sha256", manifest, { key, dsaEncoding: "ieee-p1363" });
  const rows: [string, typeof rsa, typeof der, (text: string) => string][] = [
    ["RSA", rsa, der, (text) => text],
    ["RSA in lines of 64", rsa, der, (text) => text.replace(/.{64}/g, "$&\n")],
    ["ECDSA raw", ec, raw, (text) => text],
    ["ECDSA raw with a final line end", ec, raw, (text) => `${text}\r\n`],
    ["ECDSA in DER", ec, der, (text) => text],
  ];
  for (const [name, pair, signer, form] of rows) {
    const bytes = build({
      outer: (list) =>
        list.flatMap((e) => {
          if (e.name !== "manifest") return [e];
          const signature = signer(Buffer.from(e.content as string), pair.privateKey);
          return [e, { name: "manifest.sig", content: form(signature.toString("base64")) }];
        }),
    });
    const { signedBy } = await read(bytes, { verifyKeys: [rsa.publicKey, ec.publicKey] });
    assert.equal(signedBy, keyFingerprint(pair.publicKey), name);
  }
});

test("ArtifactReader reads header and payload of different compression", async () => {
  const bytes = build({
    suffix: ".gz",
    outer: (list) =>
      list.map((e) =>
        e.name === "data/0000.tar.gz" ? { name: "data/0000.tar", content: tarArchive(PAYLOAD) } : e
      ),
  });
  let early = "";
  const description = await read(bytes, { onDescription: (d) => void (early = d.compression) });
  assert.equal(early, "gz");
  assert.equal(description.compression, "none");
});

test("ArtifactReader reads gzip of several members, wherever chunks end", async () => {
  const storedData = (bytes: Uint8Array) => {
    const content = gunzipSync(bytes);
    return joined([gzipSync(content.subarray(0, 700)), gzipSync(content.subarray(700))]);
  };
  const bytes = build({ suffix: ".gz", storedData });
  for (const chunkBytes of [1, 7, 4096]) {
    assert.equal((await read(bytes, {}, chunkBytes)).files.length, PAYLOAD.length);
  }
});

test("ArtifactReader reads an empty payload, with and without a data member", async () => {
  const parts = {
    headerInfo: { ...HEADER_INFO, payloads: [{ type: null }] },
    typeInfo: { type: null },
    payload: [],
  };
  for (const suffix of ["", ".gz"]) {
    for (const outer of [undefined, (list: TarEntry[]) => list.slice(0, 3)]) {
      const description = await read(build({ ...parts, suffix, ...(outer && { outer }) }));
      assert.deepEqual(description.payloadTypes, [null]);
      assert.deepEqual(description.files, []);
      assert.equal("clearsProvides" in description, false);
    }
  }
});

test("ArtifactReader tells an empty list of clears from none", async () => {
  const typeInfo = { type: "test-module", clears_artifact_provides: [] };
  assert.deepEqual((await read(build({ typeInfo }))).clearsProvides, []);
});

test("ArtifactReader accepts an empty type in type-info of rootfs-image only", async () => {
  const headerInfo = { ...HEADER_INFO, payloads: [{ type: "rootfs-image" }] };
  const { payloadTypes } = await read(build({ headerInfo, typeInfo: { type: "" } }));
  assert.deepEqual(payloadTypes, ["rootfs-image"]);
  await assert.rejects(read(build({ typeInfo: { type: "" } })));
});

test("ArtifactReader ignores unknown keys in header-info, but no unknown depends", async () => {
  const headerInfo = {
    ...HEADER_INFO,
    future: { a: 1 },
    artifact_depends: { device_type: ["board"], phase_of_moon: ["full"] },
  };
  assert.deepEqual((await read(build({ headerInfo }))).depends.phase_of_moon, ["full"]);
});

test("ArtifactReader reads format 2, and checks its list of files", async () => {
  const version2 = (files: unknown) =>
    build({
      version: '{"format":"mender","version":2}',
      headerInfo: {
        updates: [{ type: "rootfs-image" }],
        device_types_compatible: ["board"],
        artifact_name: "old",
      },
      typeInfo: { type: "rootfs-image" },
      metaData: "",
      header: (list) =>
        list.toSpliced(2, 0, { name: "headers/0000/files", content: JSON.stringify(files) }),
    });
  const description = await read(version2({ files: ["second.txt", "first.bin"] }));
  assert.equal(description.formatVersion, 2);
  assert.deepEqual(description.provides, { artifact_name: "old" });
  assert.deepEqual(description.depends, { device_type: ["board"] });
  assert.equal(description.files.length, 2);
  for (const files of [["first.bin"], ["first.bin", "first.bin"], ["first.bin", "x"], "x"]) {
    await assert.rejects(
      read(version2({ files })),
      (error) => isMenderError(error, "artifact.bad-header"),
      JSON.stringify(files),
    );
  }
});

test("ArtifactReader accepts zeros that fill up a record behind the end marker", async () => {
  const bytes = build();
  const filled = new Uint8Array(Math.ceil(bytes.length / 10240) * 10240);
  filled.set(bytes);
  assert.deepEqual(await read(filled), await read(bytes));
});

test("ArtifactReader refuses calls in the wrong order", async () => {
  const reader = new ArtifactReader({ verifyKeys: [] });
  const bytes = build({ suffix: ".gz" });
  const first = reader.push(bytes);
  await assert.rejects(reader.push(bytes), TypeError);
  await assert.rejects(reader.finish(), TypeError);
  await first;
  assert.equal((await reader.finish()).name, "release-1");
  await assert.rejects(reader.finish(), TypeError);
  await assert.rejects(reader.push(bytes), TypeError);
  reader.abandon();
});

test("ArtifactReader.abandon() rejects the push under way and all calls after it", async () => {
  const spec: ArtifactSpec = { ...SPEC, compression: "gz" };
  const bytes = writeArtifact({
    ...spec,
    files: [{ name: "big", content: { sizeBytes: 8 * 1024 * 1024, seed: 3 } }],
  });
  const isAbandoned = (error: unknown) => isMenderError(error, "artifact.abandoned");
  const reader = new ArtifactReader({ verifyKeys: [] });
  const pending = assert.rejects(reader.push(bytes), isAbandoned);
  reader.abandon();
  await pending;
  await assert.rejects(reader.push(bytes), isAbandoned);
  await assert.rejects(reader.finish(), isAbandoned);
  reader.abandon();
});

test("ArtifactReader.abandon() while onDescription decides stops before the payload", async () => {
  const reader: ArtifactReader = new ArtifactReader({
    verifyKeys: [],
    onDescription: () => reader.abandon(),
  });
  await assert.rejects(
    reader.push(build({ storedData: () => new Uint8Array(512).fill(1) })),
    (error) => isMenderError(error, "artifact.abandoned"),
  );
});

test("ArtifactReader keeps its failure: nothing can be read after it", async () => {
  const reader = new ArtifactReader({ verifyKeys: [] });
  await assert.rejects(reader.push(new Uint8Array(512).fill(1)));
  for (const call of [() => reader.push(build()), () => reader.finish()]) {
    await assert.rejects(call(), (error) => isMenderError(error, "artifact.bad-tar"));
  }
});

test("ArtifactReader reads 64 MiB from chunks that are overwritten once taken", async () => {
  const file = { name: "big.img", content: { sizeBytes: 64 * 1024 * 1024 + 1, seed: 9 } };
  const reader = new ArtifactReader({ verifyKeys: [] });
  const buffer = new Uint8Array(64 * 1024);
  for (const chunk of artifactChunks({ ...SPEC, files: [file] })) {
    buffer.set(chunk);
    await reader.push(buffer.subarray(0, chunk.length));
    buffer.fill(0, 0, 1024);
  }
  const { files } = await reader.finish();
  assert.deepEqual(files.map(({ name, sizeBytes }) => [name, sizeBytes]), [
    ["big.img", file.content.sizeBytes],
  ]);
});

test("ArtifactReader passes a payload on that expands a thousandfold, in bounded pieces", async () => {
  const sizeBytes = 64 * 1024 * 1024;
  const content = new Uint8Array(sizeBytes);
  const bytes = writeArtifact({ ...SPEC, compression: "gz", files: [{ name: "zeros", content }] });
  assert.ok(bytes.length < sizeBytes / 500);
  assert.equal((await read(bytes)).files[0]!.sizeBytes, sizeBytes);
  await assert.rejects(
    read(bytes, { limits: { payloadBytes: sizeBytes - 1 } }),
    (error) => isMenderError(error, "artifact.too-large"),
  );
});

test("ArtifactReader reads manifest lines in any order", async () => {
  const manifest = (text: string) => text.trimEnd().split("\n").reverse().join("\n") + "\n";
  assert.equal((await read(build({ manifest }))).files.length, 2);
  assert.equal(manifestText([["b", "1"], ["a", "2"]]), "2  a\n1  b\n");
});
