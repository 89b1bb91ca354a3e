import { execFile } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { strict as assert } from "node:assert";
import { test } from "../support/test.ts";
import { peer } from "../support/peers.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import {
  type ArtifactDescription,
  ArtifactReader,
  keyFingerprint,
  readVerifyKeys,
} from "../../lib/artifact/mod.ts";
import { isMenderError } from "../../lib/core/errors.ts";
import { type ArtifactSpec, writeArtifact } from "../../lib/testing/artifact_writer.ts";

const { skip } = peer(
  "mender-artifact",
  "Debian: apt install mender-artifact",
);
const TIMEOUT_MS = 60_000;

async function run(directory: string, args: readonly string[]): Promise<string> {
  const options = { cwd: directory, timeout: TIMEOUT_MS };
  const { stdout, stderr } = await promisify(execFile)("mender-artifact", args, options);
  return stdout + stderr;
}

async function describe(path: string, verifyKeys: KeyObject[] = []): Promise<ArtifactDescription> {
  const bytes = readFileSync(path);
  const reader = new ArtifactReader({ verifyKeys });
  try {
    for (let at = 0; at < bytes.length; at += 1000) {
      await reader.push(bytes.subarray(at, at + 1000));
    }
    return await reader.finish();
  } finally {
    reader.abandon();
  }
}

/** Key pairs as mender-artifact takes them: private ones in the traditional form of their kind. */
const PAIRS = {
  RSA: { ...generateKeyPairSync("rsa", { modulusLength: 2048 }), form: "pkcs1" },
  ECDSA: { ...generateKeyPairSync("ec", { namedCurve: "prime256v1" }), form: "sec1" },
} as const;

function writeKeys(directory: string, pair: typeof PAIRS[keyof typeof PAIRS]) {
  const [privatePath, publicPath] = [join(directory, "private.pem"), join(directory, "public.pem")];
  writeFileSync(privatePath, pair.privateKey.export({ type: pair.form as "pkcs1", format: "pem" }));
  writeFileSync(publicPath, pair.publicKey.export({ type: "spki", format: "pem" }));
  const keys = readVerifyKeys([{ path: publicPath, text: readFileSync(publicPath, "utf8") }]);
  return { privatePath, publicPath, keys };
}

/** Files that the command lines below name. */
function writeInputs(directory: string): void {
  writeFileSync(join(directory, "one.bin"), new Uint8Array(70_000).fill(1));
  writeFileSync(join(directory, "two.txt"), "two\n");
  writeFileSync(join(directory, "empty"), "");
  writeFileSync(join(directory, "meta.json"), '{"force":true,"list":[1,2.5,"x"]}');
  writeFileSync(join(directory, "ArtifactInstall_Enter_00_check"), "#!/bin/sh\nexit 0\n");
  writeFileSync(join(directory, "ArtifactCommit_Leave_99"), "#!/bin/sh\nexit 0\n");
}

const FULL_SPEC: ArtifactSpec = {
  name: "release-2",
  group: "beta",
  deviceTypes: ["board-a", "board-b"],
  payloadType: "app",
  files: [
    { name: "one.bin", content: { sizeBytes: 70_000, seed: 1 } },
    { name: "empty", content: new Uint8Array(0) },
    { name: "two-2_2,2.txt", content: new TextEncoder().encode("two\n") },
  ],
  provides: { "rootfs-image.app.version": "2" },
  depends: { "rootfs-image.app.version": ["0", "1"], bootloader: "7", artifact_group: ["beta"] },
  clearsProvides: ["rootfs-image.app.*"],
  compression: "gz",
  scripts: [{ name: "ArtifactReboot_Leave_10_check", content: "#!/bin/sh\nexit 0\n" }],
  metaData: { force: true },
};

const WRITTEN: [name: string, spec: ArtifactSpec, shown: RegExp[]][] = [
  [
    "a full Artifact",
    FULL_SPEC,
    [
      /Name: release-2/,
      /board-a board-b/,
      /Provides group: beta/,
      /Type:\s+app/,
      /rootfs-image\.app\.version/,
      /bootloader: 7/,
      /rootfs-image\.app\.\*/,
      /one\.bin/,
      /two-2_2,2\.txt/,
      /ArtifactReboot_Leave_10_check/,
    ],
  ],
  ["an uncompressed one", { ...FULL_SPEC, compression: "none" }, [/Name: release-2/]],
  [
    "the smallest one",
    { name: "n", deviceTypes: ["d"], payloadType: "app", files: [], compression: "gz" },
    [/Name: n/],
  ],
  [
    "an empty payload",
    { name: "boot", deviceTypes: ["d"], payloadType: null, files: [], compression: "none" },
    [/Name: boot/],
  ],
];

for (const [name, spec, shown] of WRITTEN) {
  test(`mender-artifact reads and validates what writeArtifact() writes: ${name}`, async () => {
    await inTemporaryDirectory(async (directory) => {
      writeFileSync(join(directory, "a.mender"), writeArtifact(spec));
      await run(directory, ["validate", "a.mender"]);
      const text = await run(directory, ["read", "a.mender"]);
      for (const pattern of shown) assert.match(text, pattern);
    });
  }, { skip });
}

for (const [kind, pair] of Object.entries(PAIRS)) {
  test(`mender-artifact accepts the ${kind} signature of writeArtifact()`, async () => {
    await inTemporaryDirectory(async (directory) => {
      const { publicPath } = writeKeys(directory, pair);
      const path = join(directory, "a.mender");
      writeFileSync(path, writeArtifact({ ...FULL_SPEC, signWith: pair.privateKey }));
      await run(directory, ["validate", "-k", publicPath, "a.mender"]);
      assert.match(
        await run(directory, ["read", "-k", publicPath, "a.mender"]),
        /verified correctly/,
      );
      writeFileSync(path, writeArtifact(FULL_SPEC));
      await assert.rejects(run(directory, ["validate", "-k", publicPath, "a.mender"]));
    });
  }, { skip });

  test(`ArtifactReader verifies the ${kind} signature of mender-artifact`, async () => {
    await inTemporaryDirectory(async (directory) => {
      writeInputs(directory);
      const { privatePath, keys } = writeKeys(directory, pair);
      const args = ["write", "module-image", "-n", "r", "-t", "d", "-T", "app", "-f", "one.bin"];
      await run(directory, [...args, "-o", "a.mender", "-k", privatePath]);
      const description = await describe(join(directory, "a.mender"), keys);
      assert.equal(description.signedBy, keyFingerprint(pair.publicKey));
      await run(directory, [...args, "-o", "b.mender"]);
      await assert.rejects(
        describe(join(directory, "b.mender"), keys),
        (error) => isMenderError(error, "artifact.missing-signature"),
      );
      const other = kind === "RSA" ? PAIRS.ECDSA : PAIRS.RSA;
      await assert.rejects(
        describe(join(directory, "a.mender"), [other.publicKey]),
        (error) => isMenderError(error, "artifact.bad-signature"),
      );
    });
  }, { skip });
}

const BASE = ["-n", "release-1", "-t", "board-a", "-t", "board-b"];
const READ: [name: string, args: string[], wanted: Partial<ArtifactDescription>][] = [
  [
    "module-image with everything",
    // deno-fmt-ignore
    ["module-image", ...BASE, "-T", "app", "-f", "one.bin", "-f", "two.txt", "-f", "empty",
      "-m", "meta.json", "-s", "ArtifactInstall_Enter_00_check", "-s", "ArtifactCommit_Leave_99",
      "-g", "beta", "-G", "beta", "-N", "release-0", "-p", "a:b", "-d", "c:d",
      "--clears-provides", "a", "--no-default-clears-provides", "--no-default-software-version"],
    {
      formatVersion: 3,
      name: "release-1",
      group: "beta",
      deviceTypes: ["board-a", "board-b"],
      payloadTypes: ["app"],
      provides: { artifact_name: "release-1", artifact_group: "beta", a: "b" },
      depends: {
        device_type: ["board-a", "board-b"],
        artifact_name: ["release-0"],
        artifact_group: ["beta"],
        c: ["d"],
      },
      clearsProvides: ["a"],
      scripts: ["ArtifactCommit_Leave_99", "ArtifactInstall_Enter_00_check"],
      isSigned: false,
      compression: "gz",
    },
  ],
  [
    "module-image without files",
    ["module-image", ...BASE, "-T", "app"],
    { clearsProvides: ["rootfs-image.app.*"], files: [] },
  ],
  [
    "module-image that is augmented",
    // deno-fmt-ignore
    ["module-image", ...BASE, "-T", "app", "-f", "one.bin", "-d", "c:d", "--augment-type", "app",
      "--augment-provides", "e:f", "--augment-depends", "g:h", "--augment-meta-data", "meta.json"],
    {
      provides: { artifact_name: "release-1", "rootfs-image.app.version": "release-1", e: "f" },
      depends: { device_type: ["board-a", "board-b"], c: ["d"], g: ["h"] },
      augment: { files: [], provides: ["e"], depends: ["g"] },
    },
  ],
  [
    "rootfs-image",
    ["rootfs-image", ...BASE, "-f", "one.bin"],
    {
      payloadTypes: ["rootfs-image"],
      clearsProvides: ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"],
    },
  ],
  [
    "rootfs-image of format 2",
    ["rootfs-image", ...BASE, "-f", "one.bin", "--version", "2"],
    { formatVersion: 2, provides: { artifact_name: "release-1" } },
  ],
  [
    "bootstrap-artifact",
    ["bootstrap-artifact", ...BASE],
    { payloadTypes: [null], files: [], provides: { artifact_name: "release-1" } },
  ],
];

for (const [name, args, wanted] of READ) {
  for (const [option, compression] of [["none", "none"], ["gzip", "gz"], ["lzma", "xz"]] as const) {
    test(`ArtifactReader reads what mender-artifact writes: ${name}, ${option}`, async () => {
      await inTemporaryDirectory(async (directory) => {
        writeInputs(directory);
        await run(directory, ["write", ...args, "--compression", option, "-o", "a.mender"]);
        const found = await describe(join(directory, "a.mender"));
        assert.equal(found.compression, compression);
        const chosen = Object.fromEntries(
          Object.keys(wanted).map((key) => [key, found[key as keyof ArtifactDescription]]),
        );
        const scripts = [...found.scripts].sort();
        assert.deepEqual("scripts" in chosen ? { ...chosen, scripts } : chosen, {
          ...wanted,
          ...("compression" in wanted ? { compression } : {}),
        });
        const files = args.filter((_, i) => args[i - 1] === "-f");
        assert.deepEqual(found.files.map((file) => file.name), files);
      });
    }, { skip });
  }
}
