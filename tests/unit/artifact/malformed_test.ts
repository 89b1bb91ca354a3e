import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";
import { strict as assert } from "node:assert";
import { test } from "../../support/test.ts";
import { type ArtifactReaderOptions, checkFitsDevice } from "../../../lib/artifact/mod.ts";
import { type TarEntry, tarHeader, tarMember } from "../../../lib/testing/tar_writer.ts";
import {
  build,
  HEADER_INFO,
  type Parts,
  PAYLOAD,
  read,
  rejectsWith,
  sha256,
  TYPE_INFO,
} from "./artifact_parts.ts";

const trusted = generateKeyPairSync("rsa", { modulusLength: 2048 });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const ed25519 = generateKeyPairSync("ed25519");
const keys = { verifyKeys: [trusted.publicKey] };

interface Row {
  name: string;
  code: string;
  artifact: Parts | Uint8Array;
  options?: Partial<ArtifactReaderOptions>;
}

const provides = (change: object) => ({
  ...HEADER_INFO,
  artifact_provides: { ...HEADER_INFO.artifact_provides, ...change },
});
const payloads = (...list: unknown[]) => ({ ...HEADER_INFO, payloads: list });
const named = (name: string): TarEntry => ({ name, content: "x" });
const withFile = (name: string): Parts => ({ payload: [...PAYLOAD, named(name)] });
/** The same Artifact with one entry of the outer archive changed. */
const entry = (name: string, change: Partial<TarEntry>): Parts => ({
  outer: (list) => list.map((e) => e.name === name ? { ...e, ...change } : e),
});
const swapped = (first: string, second: string): Parts => ({
  signWith: trusted.privateKey,
  outer: (list) => {
    const at = (name: string) => list.findIndex((e) => e.name === name);
    const [a, b] = [at(first), at(second)];
    return list.map((e, i) => i === a ? list[b]! : i === b ? list[a]! : e);
  },
});
const signature = (make: (manifest: Uint8Array) => string): Parts => ({
  outer: (list) =>
    list.flatMap((e) =>
      e.name === "manifest"
        ? [e, { name: "manifest.sig", content: make(Buffer.from(e.content as string)) }]
        : [e]
    ),
});
const tail = (bytes: Uint8Array) => (stored: Uint8Array) => Buffer.concat([stored, bytes]);
const changedBytes = (change: (bytes: Uint8Array) => void): Uint8Array => {
  const bytes = Uint8Array.from(build());
  change(bytes);
  return bytes;
};
const device = { deviceType: "board", provides: {} };
const fits = (facts: Parameters<typeof checkFitsDevice>[1]) => ({
  onDescription: (d: Parameters<typeof checkFitsDevice>[0]) => checkFitsDevice(d, facts),
});

const ROWS: Row[] = [
  // order and members
  { name: "manifest before version", code: "bad-order", artifact: swapped("version", "manifest") },
  {
    name: "header before manifest",
    code: "bad-order",
    artifact: swapped("header.tar", "manifest"),
  },
  {
    name: "manifest.sig after the header",
    code: "bad-order",
    artifact: swapped("header.tar", "manifest.sig"),
  },
  {
    name: "data before the header",
    code: "bad-order",
    artifact: swapped("header.tar", "data/0000.tar"),
  },
  {
    name: "unknown first member",
    code: "bad-order",
    artifact: { outer: (list) => [named("hello"), ...list] },
  },
  {
    name: "member named with ./",
    code: "bad-order",
    artifact: { outer: (list) => list.map((e) => ({ ...e, name: `./${e.name}` })) },
  },
  {
    name: "directory entry for data",
    code: "bad-member-type",
    artifact: {
      outer: (list) => list.toSpliced(3, 0, { name: "data/", content: "", typeFlag: "5" }),
    },
  },
  {
    name: "member after data",
    code: "bad-order",
    artifact: { outer: (list) => [...list, named("more")] },
  },
  {
    name: "second payload",
    code: "bad-order",
    artifact: { outer: (list) => [...list, { ...list.at(-1)!, name: "data/0001.tar" }] },
  },
  { name: "version twice", code: "bad-order", artifact: { outer: (l) => [l[0]!, ...l] } },
  { name: "no header", code: "bad-order", artifact: { outer: (l) => l.slice(0, 2) } },
  { name: "nothing but an end marker", code: "bad-order", artifact: { outer: () => [] } },
  {
    name: "payload with an unknown suffix",
    code: "bad-order",
    artifact: entry("data/0000.tar", { name: "data/0000.tar.bz2" }),
  },
  {
    name: "payload that is not the xz that its name says",
    code: "bad-compression",
    artifact: entry("data/0000.tar", { name: "data/0000.tar.xz" }),
  },
  // version
  { name: "version 1", code: "unsupported-version", artifact: versionOf(1) },
  { name: "version 4", code: "unsupported-version", artifact: versionOf(4) },
  { name: "version as a string", code: "bad-version", artifact: versionOf("3") },
  {
    name: "wrong format",
    code: "bad-version",
    artifact: { version: '{"format":"other","version":3}' },
  },
  {
    name: "further key in version",
    code: "bad-version",
    artifact: { version: '{"format":"mender","version":3,"x":1}' },
  },
  {
    name: "key twice in version",
    code: "bad-version",
    artifact: { version: '{"format":"mender","version":4,"version":3}' },
  },
  { name: "version that is no JSON", code: "bad-version", artifact: { version: "3" } },
  { name: "version of 5 KiB", code: "too-large", artifact: { version: " ".repeat(5000) } },
  // signature
  { name: "no signature, but keys", code: "missing-signature", artifact: {}, options: keys },
  {
    name: "no signature and nothing behind the manifest, but keys",
    code: "missing-signature",
    artifact: { outer: (list) => list.slice(0, 2) },
    options: keys,
  },
  {
    name: "signature by another key",
    code: "bad-signature",
    artifact: { signWith: other.privateKey },
    options: keys,
  },
  {
    name: "signature by a key of another kind",
    code: "bad-signature",
    artifact: { signWith: ec.privateKey },
    options: keys,
  },
  {
    name: "signature over another manifest",
    code: "bad-signature",
    artifact: {
      signWith: trusted.privateKey,
      outer: (list) =>
        list.map((e) => e.name === "manifest" ? { ...e, content: `${e.content}\n` } : e),
    },
    options: keys,
  },
  {
    name: "signature that is no base64",
    code: "bad-signature",
    artifact: signature(() => "?".repeat(344)),
    options: keys,
  },
  { name: "empty signature", code: "bad-signature", artifact: signature(() => ""), options: keys },
  {
    name: "signature by Ed25519",
    code: "bad-signature",
    artifact: signature((m) => sign(null, m, ed25519.privateKey).toString("base64")),
    options: { verifyKeys: [ec.publicKey, trusted.publicKey] },
  },
  {
    name: "signature by Ed25519 and such a key",
    code: "bad-signature",
    artifact: signature((m) => sign(null, m, ed25519.privateKey).toString("base64")),
    options: { verifyKeys: [ed25519.publicKey] },
  },
  {
    name: "signature of 17 KiB",
    code: "too-large",
    artifact: signature(() => "A".repeat(17 * 1024)),
  },
  // manifest
  {
    name: "manifest without a final newline",
    code: "bad-manifest",
    artifact: { manifest: (text) => text.trimEnd() },
  },
  {
    name: "manifest with one blank",
    code: "bad-manifest",
    artifact: { manifest: (text) => text.replace("  ", " ") },
  },
  {
    name: "manifest with three blanks",
    code: "bad-manifest",
    artifact: { manifest: (text) => text.replace("  ", "   ") },
  },
  {
    name: "manifest with upper-case digits",
    code: "bad-manifest",
    artifact: { manifest: (text) => text.replace(/^[0-9a-f]{64}/gm, (sum) => sum.toUpperCase()) },
  },
  {
    name: "manifest with a blank line",
    code: "bad-manifest",
    artifact: { manifest: (text) => `${text}\n` },
  },
  ...["version", "header.tar", "data/0000/first.bin"].map((name): Row => ({
    name: `manifest listing ${name} twice`,
    code: "bad-manifest",
    artifact: { manifest: (text) => `${text}${sha256("")}  ${name}\n` },
  })),
  ...["data/0001/x", "manifest", "data/x", "../x"].map((name): Row => ({
    name: `manifest listing ${name}`,
    code: "bad-manifest",
    artifact: { manifest: (text) => `${text}${sha256("")}  ${name}\n` },
  })),
  ...["version", "header.tar"].map((name): Row => ({
    name: `manifest without ${name}`,
    code: "bad-manifest",
    artifact: {
      manifest: (text) => text.replace(new RegExp(`^.*  ${name}\n`, "m"), ""),
    },
  })),
  {
    name: "manifest listing the header under another suffix",
    code: "bad-manifest",
    artifact: { manifest: (text) => text.replace("header.tar", "header.tar.gz") },
  },
  {
    name: "manifest of more than 1 MiB",
    code: "too-large",
    artifact: { manifest: (text) => text.padEnd(1024 * 1024 + 1) },
  },
  {
    name: "manifest that is not UTF-8",
    code: "bad-manifest",
    artifact: entry("manifest", { content: Uint8Array.of(0xff, 0x0a) }),
  },
  // checksums and payload files
  ...["version", "header.tar", "data/0000/second.txt"].map((name): Row => ({
    name: `wrong checksum of ${name}`,
    code: "bad-checksum",
    artifact: {
      manifest: (text) =>
        text.replace(new RegExp(`^.*  ${name}$`, "m"), `${sha256("else")}  ${name}`),
    },
  })),
  {
    name: "payload file missing that the manifest lists",
    code: "missing-file",
    artifact: { manifest: (text) => `${text}${sha256("")}  data/0000/third\n` },
  },
  {
    name: "no data though the manifest lists files",
    code: "missing-file",
    artifact: { outer: (list) => list.slice(0, 3) },
  },
  {
    name: "payload file that is not in the manifest",
    code: "unlisted-file",
    artifact: { manifest: (text) => text.replace(/^.*first\.bin\n/m, "") },
  },
  {
    name: "payload file twice",
    code: "duplicate-file",
    artifact: {
      payload: [...PAYLOAD, PAYLOAD[0]!],
      manifest: (text) => [...new Set(text.split(/(?<=\n)/))].join(""),
    },
  },
  ...["a b", "a/b", "..", ".", "/etc/passwd", "é", "a\tb", "a\0b"].map((name): Row => ({
    name: `manifest with the payload name ${JSON.stringify(name)}`,
    code: "bad-name",
    artifact: withFile(name),
  })),
  ...["a b", "a/b", "..", "../x", "/x", "data/0000/first.bin", "./first.bin"].map((name): Row => ({
    name: `payload archive with the name ${JSON.stringify(name)}`,
    code: "bad-name",
    artifact: { payload: [named(name)], manifest: (text) => text.replace(/^.* data.*\n/m, "") },
  })),
  ...Object.entries({ "hard link": "1", "symbolic link": "2", "device": "3", "directory": "5" })
    .map(([what, typeFlag]): Row => ({
      name: `${what} in the payload`,
      code: "bad-member-type",
      artifact: { payload: [{ name: "first.bin", content: "", typeFlag }] },
    })),
  // ends
  {
    name: "cut in the header",
    code: "truncated",
    artifact: build().subarray(0, 3000),
  },
  { name: "cut in data", code: "truncated", artifact: build().subarray(0, -3000) },
  { name: "cut in the last fill bytes", code: "truncated", artifact: build().subarray(0, -1) },
  { name: "cut to one zero block", code: "truncated", artifact: build().subarray(0, -512) },
  { name: "empty stream", code: "truncated", artifact: new Uint8Array(0) },
  {
    name: "header archive without an end marker",
    code: "truncated",
    artifact: { storedHeader: (bytes) => bytes.subarray(0, -1024) },
  },
  {
    name: "payload archive without an end marker",
    code: "truncated",
    artifact: { storedData: (bytes) => bytes.subarray(0, -1024) },
  },
  {
    name: "gzip header cut short",
    code: "truncated",
    artifact: { suffix: ".gz", storedHeader: (bytes) => bytes.subarray(0, -3) },
  },
  {
    name: "gzip payload cut short",
    code: "truncated",
    artifact: { suffix: ".gz", storedData: (bytes) => bytes.subarray(0, -3) },
  },
  {
    name: "gzip payload of no bytes",
    code: "truncated",
    artifact: { suffix: ".gz", storedData: () => new Uint8Array(0) },
  },
  {
    name: "gzip payload with a wrong checksum of its own",
    code: "bad-compression",
    artifact: {
      suffix: ".gz",
      storedData: (bytes) => bytes.map((b, i) => i === bytes.length - 6 ? b ^ 1 : b),
    },
  },
  {
    name: "payload that is no gzip",
    code: "bad-compression",
    artifact: { suffix: ".gz", storedData: () => new Uint8Array(600).fill(7) },
  },
  ...(["storedHeader", "storedData"] as const).flatMap((where): Row[] => [
    {
      name: `zeros behind the gzip stream (${where})`,
      code: "trailing-data",
      artifact: { suffix: ".gz", [where]: tail(new Uint8Array(4)) },
    },
    {
      name: `data behind the end marker (${where})`,
      code: "trailing-data",
      artifact: { [where]: tail(Uint8Array.of(1)) },
    },
    {
      name: `2 MiB of zeros behind the end marker (${where})`,
      code: "too-large",
      artifact: { [where]: tail(new Uint8Array(2 * 1024 * 1024)) },
    },
  ]),
  {
    name: "junk behind the gzip stream of the payload",
    code: "bad-compression",
    artifact: { suffix: ".gz", storedData: tail(Buffer.from("junk")) },
  },
  {
    name: "data behind the end marker",
    code: "trailing-data",
    artifact: Buffer.concat([build(), Buffer.from("x")]),
  },
  {
    name: "second archive behind the first",
    code: "trailing-data",
    artifact: Buffer.concat([build(), build()]),
  },
  {
    name: "member between the two zero blocks",
    code: "trailing-data",
    artifact: Buffer.concat([build().subarray(0, -512), build()]),
  },
  {
    name: "zeros without end behind the end marker",
    code: "too-large",
    artifact: Buffer.concat([build(), new Uint8Array(2 * 1024 * 1024)]),
  },
  // tar
  { name: "web page", code: "bad-tar", artifact: Buffer.from("<html>".padEnd(2048)) },
  {
    name: "tar header with a wrong checksum",
    code: "bad-tar",
    artifact: changedBytes((bytes) => bytes[0]! ^= 1),
  },
  {
    name: "fill bytes that are not zero",
    code: "bad-tar",
    artifact: changedBytes((bytes) => bytes[1023] = 1),
  },
  {
    name: "member larger than the payload limit",
    code: "too-large",
    artifact: {},
    options: { limits: { payloadBytes: 1000 } },
  },
  {
    name: "payload files larger than the limit together",
    code: "too-large",
    artifact: { suffix: ".gz" },
    options: { limits: { payloadBytes: 1000 } },
  },
  {
    name: "more payload files than the limit",
    code: "too-large",
    artifact: {},
    options: { limits: { payloadFiles: 1 } },
  },
  {
    name: "header larger than the limit",
    code: "too-large",
    artifact: {},
    options: { limits: { headerBytes: 1000 } },
  },
  {
    name: "scripts larger than the limit",
    code: "too-large",
    artifact: {},
    options: { limits: { scriptBytes: 5 } },
  },
  {
    name: "more scripts than the limit",
    code: "too-large",
    artifact: {},
    options: { limits: { scripts: 0 } },
  },
  // header archive
  {
    name: "header-info not first",
    code: "bad-order",
    artifact: { header: ([info, script, type]) => [script!, info!, type!] },
  },
  {
    name: "header without type-info",
    code: "bad-order",
    artifact: { header: (l) => l.slice(0, 2) },
  },
  { name: "empty header archive", code: "bad-order", artifact: { header: () => [] } },
  {
    name: "header-info twice",
    code: "bad-order",
    artifact: { header: (list) => [list[0]!, ...list] },
  },
  {
    name: "headers of a second payload",
    code: "bad-order",
    artifact: { header: (list) => [...list, named("headers/0001/type-info")] },
  },
  {
    name: "script behind type-info",
    code: "bad-order",
    artifact: { header: ([info, script, type]) => [info!, type!, script!] },
  },
  {
    name: "files of version 2 in version 3",
    code: "bad-order",
    artifact: { header: (list) => list.toSpliced(2, 0, named("headers/0000/files")) },
  },
  {
    name: "directory in the header",
    code: "bad-member-type",
    artifact: {
      header: (list) => list.toSpliced(1, 0, { name: "scripts/", content: "", typeFlag: "5" }),
    },
  },
  ...[
    "run-me",
    "ArtifactInstall_Enter_0_x",
    "ArtifactInstall_Enter_00_a b",
    "ArtifactInstall_Enter_00_../x",
    "ArtifactInstall_Before_00",
    "Download_Enter_00",
    "",
  ].map((name): Row => ({
    name: `script called ${JSON.stringify(name)}`,
    code: "bad-name",
    artifact: { header: (list) => list.toSpliced(1, 0, named(`scripts/${name}`)) },
  })),
  {
    name: "script twice",
    code: "duplicate-file",
    artifact: { header: (list) => list.toSpliced(1, 0, list[1]!) },
  },
  {
    name: "header-info of more than 1 MiB",
    code: "too-large",
    artifact: { headerInfo: " ".repeat(1024 * 1024 + 1) },
  },
  // header-info
  ...Object.entries<unknown>({
    "that is no JSON": "{",
    "that is a list": [],
    "with a key twice": JSON.stringify(HEADER_INFO).replace("{", '{"payloads":[],'),
    "with a key twice, once escaped": JSON.stringify(HEADER_INFO)
      .replace("{", '{"payload\\u0073":[],'),
    "with a key twice further in": JSON.stringify(HEADER_INFO)
      .replace('"artifact_name"', '"artifact_name":"a","artifact_name"'),
    "nested without end": { ...HEADER_INFO, x: JSON.parse("[".repeat(99) + "]".repeat(99)) },
    "with two payloads": payloads({ type: "a" }, { type: "b" }),
    "without payloads": payloads(),
    "with an empty type": payloads({ type: "" }),
    "with no type": payloads({}),
    "with a type that is a path": payloads({ type: "../x" }),
    "with a type that is a number": payloads({ type: 1 }),
    "without device_type": { ...HEADER_INFO, artifact_depends: {} },
    "without artifact_depends": { ...HEADER_INFO, artifact_depends: undefined },
    "with no device type": { ...HEADER_INFO, artifact_depends: { device_type: [] } },
    "with a device type that is no list": {
      ...HEADER_INFO,
      artifact_depends: { device_type: "board" },
    },
    "without artifact_provides": { ...HEADER_INFO, artifact_provides: undefined },
    "without a name": provides({ artifact_name: undefined }),
    "with an empty name": provides({ artifact_name: "" }),
    "with a name of 257 characters": provides({ artifact_name: "n".repeat(257) }),
    "with a control character in the name": provides({ artifact_name: "a\u0007" }),
    "with a line break in the name": provides({ artifact_name: "a\nb" }),
    "with an invisible character in the name": provides({ artifact_name: "a\u200bb" }),
    "with an empty group": provides({ artifact_group: "" }),
    "with a name wanted that is no text": {
      ...HEADER_INFO,
      artifact_depends: { device_type: ["board"], artifact_name: [1] },
    },
  }).map(([what, headerInfo]): Row => ({
    name: `header-info ${what}`,
    code: "bad-header",
    artifact: { headerInfo },
  })),
  // type-info and meta-data
  ...Object.entries<unknown>({
    "of another type": { ...TYPE_INFO, type: "other" },
    "without a type": { ...TYPE_INFO, type: undefined },
    "with a list among the provides": { ...TYPE_INFO, artifact_provides: { a: ["b"] } },
    "with a line break among the provides": { ...TYPE_INFO, artifact_provides: { a: "b\nc=d" } },
    "with an object among the depends": { ...TYPE_INFO, artifact_depends: { a: {} } },
    "with a name that the header has too": {
      ...TYPE_INFO,
      artifact_provides: { artifact_name: "release-1" },
    },
    "with a depend that the header has too": {
      ...TYPE_INFO,
      artifact_depends: { device_type: "board" },
    },
    "with clears that is no list": { ...TYPE_INFO, clears_artifact_provides: "*" },
    "with a key twice": '{"type":"test-module","type":"test-module"}',
  }).map(([what, typeInfo]): Row => ({
    name: `type-info ${what}`,
    code: "bad-header",
    artifact: { typeInfo },
  })),
  { name: "meta-data that is a list", code: "bad-header", artifact: { metaData: "[]" } },
  { name: "meta-data that is no JSON", code: "bad-header", artifact: { metaData: "{" } },
  {
    name: "empty payload with files",
    code: "bad-header",
    artifact: { headerInfo: payloads({ type: null }), typeInfo: { type: null } },
  },
  {
    name: "empty payload with meta-data",
    code: "bad-header",
    artifact: {
      headerInfo: payloads({ type: null }),
      typeInfo: { type: null },
      payload: [],
      metaData: "{}",
    },
  },
  // fit
  {
    name: "Artifact for another device type",
    code: "wrong-device-type",
    artifact: {},
    options: fits({ ...device, deviceType: "other" }),
  },
  {
    name: "Artifact that depends on an absent provide",
    code: "unmet-depends",
    artifact: { typeInfo: { ...TYPE_INFO, artifact_depends: { "app.version": "0" } } },
    options: fits(device),
  },
];

function versionOf(version: unknown): Parts {
  return { version: JSON.stringify({ format: "mender", version }) };
}

for (const { name, code, artifact, options } of ROWS) {
  test(`ArtifactReader refuses: ${name}`, async () => {
    const bytes = artifact instanceof Uint8Array ? artifact : build(artifact);
    await rejectsWith(`artifact.${code}`, read(bytes, options));
    // Where chunks end must not matter; one byte at a time would take long for the large rows.
    if (bytes.length < 20_000) await rejectsWith(`artifact.${code}`, read(bytes, options, 97));
  });
}

test("ArtifactReader accepts what the rows above change", async () => {
  for (const suffix of ["", ".gz"]) {
    const signed = build({ suffix, signWith: trusted.privateKey, metaData: "{}" });
    const description = await read(signed, { ...keys, ...fits(device) });
    assert.equal(description.files.length, PAYLOAD.length);
  }
});

test("ArtifactReader names the member in its messages, and stays readable with hostile names", async () => {
  const long = "x".repeat(90) + "\u001b[2J\u009b\u202e";
  await assert.rejects(read(build({ outer: (list) => [named(long), ...list] })), (error: Error) => {
    assert.ok(error.message.includes("x".repeat(90)));
    assert.doesNotMatch(error.message, /[^ -~…]/);
    return true;
  });
  await assert.rejects(
    read(
      build({ manifest: (text) => text.replace(/^[0-9a-f]{64}(?= {2}data.*first)/m, sha256("")) }),
    ),
    /first\.bin/,
  );
});

test("ArtifactReader refuses the second of two members of which one is hidden by a long size", async () => {
  const huge = Buffer.concat([tarMember(named("version")), tarHeader("manifest", 2 ** 40)]);
  await rejectsWith("artifact.bad-version", read(huge));
  const version = { name: "version", content: '{"format":"mender","version":3}' };
  await rejectsWith(
    "artifact.too-large",
    read(Buffer.concat([tarMember(version), tarHeader("manifest", 2 ** 40)])),
  );
});
