import { strict as assert } from "node:assert";
import { generateKeyPairSync } from "node:crypto";
import { test } from "../../support/test.ts";
import { READABLE_SUFFIXES } from "../../support/packed.ts";
import type { TarEntry } from "../../../lib/testing/tar_writer.ts";
import {
  AUGMENT_TYPE_INFO,
  type AugmentParts,
  build,
  HEADER_INFO,
  type Parts,
  PAYLOAD,
  read,
  rejectsWith,
  TYPE_INFO,
} from "./artifact_parts.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const keys = { verifyKeys: [publicKey] };
const signed = (augment: AugmentParts): Parts => ({ signWith: privateKey, augment });
const typeInfo = (change: object): AugmentParts => ({
  typeInfo: { ...AUGMENT_TYPE_INFO, ...change },
});
const headerInfo = (change: object): AugmentParts => ({
  headerInfo: { ...HEADER_INFO, ...change },
});
const without = (pattern: RegExp): Parts => ({
  augment: {},
  outer: (list) => list.filter((entry) => !pattern.test(entry.name)),
});
const named = (name: string): TarEntry => ({ name, content: "x" });

for (const suffix of READABLE_SUFFIXES) {
  test(`ArtifactReader reads an augmented Artifact (tar${suffix})`, async () => {
    for (const signing of [{}, { signWith: privateKey }]) {
      let early: unknown;
      const description = await read(
        build({ suffix, ...signing, augment: { metaData: '{"a":1}' } }),
        { onDescription: (d) => void (early = { ...d, files: [] }) },
        97,
      );
      assert.deepEqual(description.provides, {
        artifact_name: "release-1",
        "app.version": "1",
        "app.delta": "2",
      });
      assert.deepEqual(description.depends, { device_type: ["board"], "app.base": ["0", "1"] });
      const names = [...PAYLOAD.map((file) => file.name), "delta.bin"];
      assert.deepEqual(description.files.map((file) => file.name), names);
      assert.deepEqual(description.augment, {
        files: ["delta.bin"],
        provides: ["app.delta"],
        depends: ["app.base"],
      });
      assert.deepEqual(early, { ...description, files: [] });
    }
  });
}

test("ArtifactReader says nothing of an augment where there is none", async () => {
  assert.ok(!("augment" in await read(build())));
});

test("ArtifactReader lets an augment replace what it likes where no key is configured", async () => {
  const description = await read(build({
    signWith: privateKey,
    typeInfo: { ...TYPE_INFO, artifact_depends: { "app.base": "7" } },
    augment: {
      headerInfo: { payloads: [{ type: "delta" }] },
      ...typeInfo({
        type: "delta",
        artifact_provides: { "app.version": "9" },
        clears_artifact_provides: ["app.*"],
      }),
    },
  }));
  assert.deepEqual(description.payloadTypes, ["delta"]);
  assert.equal(description.provides["app.version"], "9");
  assert.deepEqual(description.depends["app.base"], ["0", "1"]);
  assert.deepEqual(description.clearsProvides, ["app.*"]);
});

test("ArtifactReader keeps the clears of the header when the augment has none", async () => {
  const own = { ...TYPE_INFO, clears_artifact_provides: ["app.*"] };
  const description = await read(build({ typeInfo: own, augment: {} }));
  assert.deepEqual(description.clearsProvides, ["app.*"]);
});

const ROWS: [name: string, code: string, parts: Parts, options?: typeof keys][] = [
  ["manifest-augment alone", "bad-order", without(/^header-augment/)],
  ["manifest-augment alone, without data", "bad-order", without(/^header-augment|^data/)],
  ["header-augment alone", "bad-order", without(/^manifest-augment/)],
  [
    "header-augment before the header",
    "bad-order",
    { augment: {}, outer: ([a, b, c, d, e, f]) => [a!, b!, c!, e!, d!, f!] },
  ],
  [
    "manifest-augment before the signature",
    "bad-order",
    { ...signed({}), outer: ([a, b, c, d, ...rest]) => [a!, b!, d!, c!, ...rest] },
  ],
  [
    "an augment in format 2",
    "bad-order",
    { version: '{"format":"mender","version":2}', augment: {} },
  ],
  ["an augment without a signature, with keys", "missing-signature", { augment: {} }, keys],
  [
    "an augment of another compression",
    "bad-manifest",
    { suffix: ".gz", augment: { suffix: "" } },
  ],
  [
    "manifest-augment that lists a file of the manifest",
    "bad-manifest",
    { augment: { payload: [PAYLOAD[0]!] } },
  ],
  [
    "manifest-augment that lists the version",
    "bad-manifest",
    { augment: { manifest: (text) => `${text}${"0".repeat(64)}  version\n` } },
  ],
  [
    "manifest-augment that lists no header-augment",
    "bad-manifest",
    { augment: { manifest: (text) => text.split("\n").slice(0, 1).join("") + "\n" } },
  ],
  [
    "manifest-augment that lists it twice",
    "bad-manifest",
    { augment: { manifest: (text) => text + text.split("\n").at(1) + "\n" } },
  ],
  [
    "a wrong checksum of header-augment",
    "bad-checksum",
    { augment: { manifest: (text) => text.replace(/[0-9a-f]{64}(?= {2}header)/, "0".repeat(64)) } },
  ],
  [
    "a wrong checksum of an augmenting file",
    "bad-checksum",
    { augment: { manifest: (text) => text.replace(/[0-9a-f]{64}(?= {2}data)/, "0".repeat(64)) } },
  ],
  [
    "an augmenting file that is missing",
    "missing-file",
    {
      augment: { manifest: (text) => `${text}${"0".repeat(64)}  data/0000/absent\n` },
    },
  ],
  [
    "an augmenting file with a bad name",
    "bad-name",
    { augment: { payload: [named("a b")] } },
  ],
  [
    "a script in header-augment",
    "bad-order",
    {
      augment: {
        header: ([info, ...rest]) => [info!, named("scripts/ArtifactInstall_Enter_00"), ...rest],
      },
    },
  ],
  ["header-augment without type-info", "bad-order", { augment: { header: (e) => [e[0]!] } }],
  ["header-augment of two payloads", "bad-header", {
    augment: headerInfo({ payloads: [{ type: "a" }, { type: "b" }] }),
  }],
  ["header-augment without a type", "bad-header", {
    augment: { ...headerInfo({ payloads: [{ type: null }] }), ...typeInfo({ type: null }) },
  }],
  ["header-augment of two types", "bad-header", { augment: typeInfo({ type: "other" }) }],
  ["header-augment for other devices", "bad-header", {
    augment: headerInfo({ artifact_depends: { device_type: ["other"] } }),
  }],
  ["header-augment of another name", "bad-header", {
    augment: headerInfo({ artifact_provides: { artifact_name: "release-2" } }),
  }],
  ["header-augment that provides the name", "bad-header", {
    augment: typeInfo({ artifact_provides: { artifact_name: "release-2" } }),
  }],
  ["header-augment that depends on a device type", "bad-header", {
    augment: typeInfo({ artifact_depends: { device_type: "other" } }),
  }],
  ["meta-data in header-augment that is a list", "bad-header", { augment: { metaData: "[]" } }],
  ["an augmented empty payload", "bad-header", {
    headerInfo: { ...HEADER_INFO, payloads: [{ type: null }] },
    typeInfo: { type: null },
    payload: [],
    augment: {},
  }],
  ["an augment that only adds, with keys", "unsigned-augment", signed({}), keys],
  [
    "an augment that adds nothing, with keys",
    "unsigned-augment",
    signed({ payload: [], ...typeInfo({ artifact_provides: {}, artifact_depends: {} }) }),
    keys,
  ],
  [
    "an augment that repeats what is signed, with keys",
    "unsigned-augment",
    signed({
      typeInfo: TYPE_INFO,
    }),
    keys,
  ],
  [
    "an augment that changes what is signed, with keys",
    "unsigned-augment",
    signed(typeInfo({ artifact_provides: { "app.version": "2" } })),
    keys,
  ],
  [
    "manifest-augment alone, with keys",
    "unsigned-augment",
    { ...without(/^header-augment/), signWith: privateKey },
    keys,
  ],
  [
    "header-augment alone, with keys",
    "bad-order",
    { ...without(/^manifest-augment/), signWith: privateKey },
    keys,
  ],
];

for (const [name, code, parts, options] of ROWS) {
  test(`ArtifactReader refuses: ${name}`, async () => {
    const bytes = build(parts);
    await rejectsWith(`artifact.${code}`, read(bytes, options));
    await rejectsWith(`artifact.${code}`, read(bytes, options, 97));
  });
}
