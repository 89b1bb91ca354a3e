import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { keyFingerprint } from "../../lib/artifact/mod.ts";
import { type ArtifactSpec, writeArtifact } from "../../lib/testing/artifact_writer.ts";
import {
  type ClientRig,
  RIG_DEVICE_TYPE,
  type RigOptions,
  withRig,
} from "../support/client_rig.ts";
import { READABLE_SUFFIXES } from "../support/packed.ts";
import { test } from "../support/test.ts";
import { build, HEADER_INFO } from "../unit/artifact/artifact_parts.ts";

const SERVER = { serverUrl: "http://127.0.0.1:1" };
const trusted = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const other = generateKeyPairSync("rsa", { modulusLength: 2048 });

const SPEC: ArtifactSpec = {
  name: "release-2",
  group: "beta",
  deviceTypes: [RIG_DEVICE_TYPE, "board-b"],
  payloadType: "app",
  files: [{ name: "one.bin", content: { sizeBytes: 600_000, seed: 1 } }],
  provides: { "app.version": "2" },
  depends: { artifact_name: ["release-1", "release-0"] },
  clearsProvides: ["app.*"],
  compression: "gz",
  scripts: [{ name: "ArtifactInstall_Enter_00", content: "#!/bin/sh\n" }],
};
const SIGNED: ArtifactSpec = { ...SPEC, signWith: trusted.privateKey };
const FILE_LINE = /Files +one\.bin +600000 bytes +[0-9a-f]{64}\n/;

function pem(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }).toString();
}

/** A device with the trusted key in a file, and an Artifact beside it. */
function withArtifact(
  content: ArtifactSpec | Uint8Array,
  body: (rig: ClientRig, artifact: string) => Promise<void>,
  options: Partial<RigOptions> = {},
): Promise<void> {
  return withRig({ ...SERVER, ...options }, async (rig) => {
    const artifact = join(rig.root, "a.mender");
    rig.write(artifact, content instanceof Uint8Array ? content : writeArtifact(content));
    rig.write(join(rig.root, "key.pem"), pem(trusted.publicKey));
    rig.write(join(rig.root, "other.pem"), pem(other.publicKey));
    await body(rig, artifact);
  });
}

test("verify prints what an Artifact is, and that this device accepts it", () =>
  withArtifact(SPEC, async (rig, artifact) => {
    const { code, stdout, stderr } = await rig.run("verify", artifact);
    assert.equal(stderr, "");
    for (
      const line of [
        /^.*a\.mender: \d+ bytes\nArtifact +release-2\nFormat +mender 3\nGroup +beta\n/,
        /\nDevice types +acme-box\n +board-b\nPayload +app\n/,
        FILE_LINE,
        /\nProvides +artifact_name=release-2\n +artifact_group=beta\n +app\.version=2\n/,
        /\nDepends +device_type=acme-box \| board-b\n +artifact_name=release-1 \| release-0\n/,
        /\nClears +app\.\*\nScripts +ArtifactInstall_Enter_00\nCompression +gzip\n/,
        /\nSignature +none\n/,
        /\nDevice type +acme-box\nInstalled +release-1\nKeys +none/,
        /\nAccepted\n$/,
      ]
    ) assert.match(stdout, line);
    assert.equal(code, 0);
  }));

test("verify --json prints the same as one object", () =>
  withArtifact(SIGNED, async (rig, artifact) => {
    const { code, stdout, stderr } = await rig.run("verify", artifact, "--json");
    assert.equal(stderr, "");
    assert.equal(code, 0);
    const found = JSON.parse(stdout);
    assert.match(found.artifact.files[0].sha256, /^[0-9a-f]{64}$/);
    delete found.artifact.files[0].sha256;
    assert.ok(found.size_bytes > 600_000);
    delete found.size_bytes;
    assert.deepEqual(found, {
      file: artifact,
      accepted: true,
      problem: null,
      artifact: {
        format: "mender",
        version: 3,
        name: "release-2",
        group: "beta",
        device_types: ["acme-box", "board-b"],
        payload_types: ["app"],
        files: [{ name: "one.bin", size_bytes: 600_000 }],
        provides: { artifact_name: "release-2", artifact_group: "beta", "app.version": "2" },
        depends: {
          device_type: ["acme-box", "board-b"],
          artifact_name: ["release-1", "release-0"],
        },
        clears_provides: ["app.*"],
        scripts: ["ArtifactInstall_Enter_00"],
        compression: "gzip",
        signed: true,
        signed_by: null,
        augment: null,
      },
      device: { device_type: "acme-box", provides: { artifact_name: "release-1" } },
      verification_keys: [],
      notes: [],
    });
  }));

test("verify shows what an Artifact is augmented with, and accepts it where no key is configured", () =>
  withArtifact(
    { ...SIGNED, augment: { provides: { "app.extra": "3" } } },
    async (rig, artifact) => {
      const { code, stdout, stderr } = await rig.run("verify", artifact);
      assert.equal(stderr, "");
      assert.match(stdout, /\nSignature +there is one; not verified\n/);
      assert.match(stdout, /\nAugmented +without any signature, with\n +the provides app\.extra\n/);
      assert.match(stdout, /\nAccepted\n$/);
      assert.equal(code, 0);
    },
  ));

test("verify names the key that an Artifact is signed with", () =>
  withArtifact(SIGNED, async (rig, artifact) => {
    const keys = ["--key", join(rig.root, "other.pem"), "--key", join(rig.root, "key.pem")];
    const { code, stdout } = await rig.run("verify", artifact, ...keys);
    const fingerprint = keyFingerprint(trusted.publicKey);
    assert.match(stdout, new RegExp(`\nSignature +verified, key ${fingerprint}\n`));
    assert.match(
      stdout,
      new RegExp(`\nKeys +${keyFingerprint(other.publicKey)}\n +${fingerprint}\n`),
    );
    assert.match(stdout, /\nAccepted\n$/);
    assert.equal(code, 0);
  }));

test("verify takes the keys of the configuration, unless others are given", () =>
  withArtifact(SIGNED, async (rig, artifact) => {
    rig.write(
      rig.paths.mainConfig,
      JSON.stringify({
        ServerURL: SERVER.serverUrl,
        ArtifactVerifyKey: join(rig.root, "other.pem"),
      }),
    );
    const refused = await rig.run("verify", artifact);
    assert.match(refused.stdout, FILE_LINE);
    assert.match(refused.stdout, /\nSignature +there is one; not verified\n/);
    assert.match(refused.stdout, /\nNot accepted \(artifact\.bad-signature\)\n$/);
    assert.match(refused.stderr, /^Error: .*signature fits none.*\n {2}Check that [^\n]*\n$/);
    assert.equal(refused.code, 1);
    const key = join(rig.root, "key.pem");
    assert.equal((await rig.run("verify", "--key", key, artifact)).code, 0);
  }));

/** What is done to a device before. */
type Change = (rig: ClientRig, artifact: string) => void;

const REFUSED: [
  name: string,
  content: ArtifactSpec | Uint8Array,
  args: string[],
  code: string,
  stderr: RegExp,
  change?: Change,
][] = [
  ["unsigned, with a key", SPEC, ["--key", "key.pem"], "missing-signature", /no "manifest\.sig"/],
  ["signed by another key", SIGNED, ["--key", "other.pem"], "bad-signature", /fits none/],
  [
    "for another device",
    { ...SPEC, deviceTypes: ["board-b"] },
    [],
    "wrong-device-type",
    /it is for "board-b", this device is "acme-box"/,
  ],
  [
    "that depends on another Artifact",
    { ...SPEC, depends: { artifact_name: ["release-9"] } },
    [],
    "unmet-depends",
    /needs "artifact_name" to be "release-9"/,
  ],
  [
    "that is augmented, which nobody signs, with a key",
    { ...SIGNED, augment: { provides: { "app.extra": "3" } } },
    ["--key", "key.pem"],
    "unsigned-augment",
    /it is augmented \("manifest-augment"\), which no signature covers.*\n {2}Write the Artifact/,
  ],
  [
    "for another device, when it is not known what is installed",
    { ...SPEC, deviceTypes: ["board-b"] },
    [],
    "wrong-device-type",
    /this device is "acme-box"/,
    (rig) => rmSync(rig.paths.artifactInfo),
  ],
];

for (const [name, content, args, code, stderr, change] of REFUSED) {
  test(`verify shows and refuses an Artifact ${name}`, () =>
    withArtifact(content, async (rig, artifact) => {
      change?.(rig, artifact);
      const full = args.map((arg) => arg.endsWith(".pem") ? join(rig.root, arg) : arg);
      const ended = await rig.run("verify", artifact, ...full);
      assert.match(ended.stdout, FILE_LINE);
      assert.ok(ended.stdout.endsWith(`\nNot accepted (artifact.${code})\n`), ended.stdout);
      assert.match(ended.stderr, stderr);
      assert.match(ended.stderr, /^Error: [^\n]+\n( {2}[^\n]+\n)?$/);
      assert.equal(ended.code, 1);
      const json = await rig.run("verify", artifact, "--json", ...full);
      assert.equal(json.code, 1);
      const found = JSON.parse(json.stdout);
      assert.equal(found.accepted, false);
      assert.equal(found.problem.code, `artifact.${code}`);
      assert.equal(found.artifact.name, "release-2");
    }));
}

const sound = writeArtifact(SPEC);
const damaged = Uint8Array.from(sound);
damaged[damaged.length - 5000]! ^= 1;

const UNREADABLE: [name: string, content: Uint8Array, stderr: RegExp, change?: Change][] = [
  ["that is missing", sound, /a\.mender: there is no such file\n$/, (_, path) => rmSync(path)],
  ["that is a directory", sound, /a\.mender: it is a directory\n$/, (_, path) => {
    rmSync(path);
    mkdirSync(path);
  }],
  ["that is empty", new Uint8Array(0), /a\.mender: it is empty\n$/],
  [
    "that is no Artifact",
    new TextEncoder().encode("\u001b[2Jnot a tar archive\n".repeat(100)),
    /a\.mender: it is not a Mender Artifact\n$/,
  ],
  ["that is damaged", damaged, /^Error: Cannot read the Artifact: .*(gzip|SHA-256).*\n$/],
  ["that is cut off", sound.subarray(0, 100_000), /^Error: Cannot read the Artifact: .* ends in /],
];

for (const [name, content, stderr, change] of UNREADABLE) {
  test(`verify says in one line what is wrong with a file ${name}`, () =>
    withArtifact(content, async (rig, artifact) => {
      change?.(rig, artifact);
      const ended = await rig.run("verify", artifact);
      assert.equal(ended.stdout, "");
      assert.match(ended.stderr, stderr);
      assert.match(ended.stderr, /^Error: Cannot read the Artifact[ -~…]*\n$/);
      assert.equal(ended.code, 1);
      const json = await rig.run("verify", artifact, "--json");
      assert.equal(json.code, 1);
      const { accepted, artifact: found, problem } = JSON.parse(json.stdout);
      assert.deepEqual([accepted, found], [false, null]);
      assert.match(problem.code, /^(artifact|store)\./);
    }));
}

test("verify tells which device files are missing, and compares with what there is", () =>
  withArtifact(SPEC, async (rig, artifact) => {
    rmSync(rig.paths.deviceType);
    rmSync(rig.paths.artifactInfo);
    rmSync(rig.paths.mainConfig);
    const { code, stdout, stderr } = await rig.run("verify", artifact);
    assert.equal(stderr, "");
    assert.match(stdout, /\nNote: [^\n]*device_type: there is no such file; not compared/);
    assert.match(stdout, /\nNote: [^\n]*artifact_info: there is no such file; not compared/);
    assert.match(stdout, /\nAccepted, as far as this device is known\n$/);
    assert.equal(code, 0);
    rig.write(rig.paths.artifactInfo, "artifact_name=release-7\n");
    const refused = await rig.run("verify", artifact);
    assert.match(refused.stderr, /needs "artifact_name"/);
    assert.equal(refused.code, 1);
  }));

test("verify refuses a key that it cannot use, rather than going on without", () =>
  withArtifact(SIGNED, async (rig, artifact) => {
    for (const path of ["absent.pem", "a.mender", "bad.pem"]) {
      rig.write(join(rig.root, "bad.pem"), "-----BEGIN PUBLIC KEY-----\nAAAA\n");
      const ended = await rig.run("verify", artifact, "--key", join(rig.root, path));
      assert.equal(ended.stdout, "");
      assert.match(ended.stderr, new RegExp(`^Error: .*${path}`));
      assert.equal(ended.code, 1);
    }
  }));

test("verify lets no control character of an Artifact reach the terminal", async () => {
  const hostile = "1\u202e\u200b\u{e0041}";
  const spec = { ...SPEC, provides: { [`k${hostile}`]: hostile } };
  await withArtifact(spec, async (rig, artifact) => {
    const { code, stdout } = await rig.run("verify", artifact);
    assert.match(stdout, /k1\\u202e\\u200b\\udb40\\udc41=1\\u202e/);
    assert.match(stdout, /^[\n -~]*$/);
    assert.equal(code, 0);
    const json = await rig.run("verify", artifact, "--json");
    assert.match(json.stdout, /^[\n -~]*$/);
    assert.equal(JSON.parse(json.stdout).artifact.provides[`k${hostile}`], hostile);
  });
  const escapes = "\u001b]0;x\u0007\u009b31m";
  for (
    const bytes of [
      build({ headerInfo: { ...HEADER_INFO, artifact_provides: { artifact_name: escapes } } }),
      build({ headerInfo: `{"payloads":${escapes}}` }),
      build({ outer: (list) => [...list, { name: escapes, content: "x" }] }),
      build({ manifest: (text) => `${text}${"0".repeat(64)}  ${escapes}\n` }),
    ]
  ) {
    await withArtifact(bytes, async (rig, artifact) => {
      const { code, stdout, stderr } = await rig.run("--verbose", "verify", artifact);
      assert.match(stdout + stderr, /^Error[\n -~]*$/);
      assert.equal(code, 1);
    });
  }
});

test("verify reads every compression, with no more rights than the daemon has", async () => {
  const headerInfo = { ...HEADER_INFO, artifact_depends: { device_type: [RIG_DEVICE_TYPE] } };
  for (const suffix of READABLE_SUFFIXES) {
    await withArtifact(build({ suffix, headerInfo }), async (rig, artifact) => {
      const { code, stdout, stderr } = await rig.run("verify", artifact);
      assert.equal(stderr, "");
      assert.match(stdout, /\nCompression +(none|gzip|xz|zstd)\n/);
      assert.equal(code, 0);
    });
  }
});

test("verify needs a file", () =>
  withRig(SERVER, async (rig) => {
    const { code, stderr } = await rig.run("verify");
    assert.match(stderr, /^Error: missing required argument 'file'\n/);
    assert.equal(code, 2);
  }));
