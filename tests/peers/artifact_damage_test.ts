/**
 * Real Artifacts, damaged bit by bit and cut off. `MENDER_DENO_SEED` chooses other places; the seed is
 * printed with the sum and stands in each failure.
 */
import { execFile } from "node:child_process";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { strict as assert } from "node:assert";
import { type ArtifactDescription, ArtifactReader } from "../../lib/artifact/mod.ts";
import { isMenderError } from "../../lib/core/errors.ts";
import { seededContent } from "../../lib/testing/artifact_writer.ts";
import { joined } from "../../lib/testing/tar_writer.ts";
import { uncheckedRegion } from "../support/artifact_regions.ts";
import { peer } from "../support/peers.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";

const { skip } = peer("mender-artifact", "Debian: apt install mender-artifact");
const TIMEOUT_MS = 60_000;
const FLIPS = 200;
const CUTS = 100;
const SEED = Number(process.env.MENDER_DENO_SEED ?? 20_261_122);

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ecdsa = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const SIGNERS: readonly (readonly [name: string, key?: string, verifyKeys?: KeyObject[]])[] = [
  ["unsigned"],
  ["RSA", rsa.privateKey.export({ type: "pkcs1", format: "pem" }).toString(), [rsa.publicKey]],
  ["ECDSA", ecdsa.privateKey.export({ type: "sec1", format: "pem" }).toString(), [ecdsa.publicKey]],
];

const NAMED = ["-n", "release-1", "-t", "board"];
const MODULE = ["module-image", ...NAMED, "-T", "app"];
const LAYOUTS: readonly (readonly [name: string, args: readonly string[]])[] = [
  ["rootfs-image", ["rootfs-image", ...NAMED, "-f", "one.bin"]],
  ["format 2", ["rootfs-image", ...NAMED, "-f", "one.bin", "--version", "2"]],
  [
    "several files, scripts and meta-data",
    // deno-fmt-ignore
    [...MODULE, "-f", "one.bin", "-f", "two.txt", "-f", "empty", "-m", "meta.json", "-g", "beta",
      "-p", "a:b", "-d", "c:d", "-s", "ArtifactInstall_Enter_00_check", "-s", "ArtifactCommit_Leave_99"],
  ],
  ["no files", MODULE],
  ["bootstrap", ["bootstrap-artifact", ...NAMED]],
  [
    "augmented",
    // deno-fmt-ignore
    [...MODULE, "-f", "one.bin", "--augment-type", "app", "--augment-file", "two.txt",
      "--augment-provides", "e:f", "--augment-depends", "g:h", "--augment-meta-data", "meta.json"],
  ],
];
const COMPRESSIONS = ["none", "gzip", "lzma"];

/** How many of the flips hit a byte that nothing checks, by the kind of byte. */
const unchecked = new Map<string, number>();
let flips = 0;

async function describe(
  bytes: Uint8Array,
  verifyKeys: KeyObject[],
): Promise<ArtifactDescription> {
  const reader = new ArtifactReader({ verifyKeys });
  try {
    await reader.push(bytes);
    return await reader.finish();
  } finally {
    reader.abandon();
  }
}

function assertRefusal(error: unknown, label: string): void {
  assert.ok(isMenderError(error, "artifact."), `${label}: ${error}`);
  assert.equal(error.retry, "never", label);
}

/** What is read; `undefined` for what a key forbids: an augment, which nobody signs. */
async function describeWhole(
  bytes: Uint8Array,
  verifyKeys: KeyObject[],
): Promise<ArtifactDescription | undefined> {
  const { augment } = await describe(bytes, []);
  const reading = describe(bytes, verifyKeys);
  if (augment === undefined || verifyKeys.length === 0) return await reading;
  await assert.rejects(reading, (error) => isMenderError(error, "artifact.unsigned-augment"));
  return undefined;
}

async function checkFlips(bytes: Uint8Array, verifyKeys: KeyObject[], kind: string): Promise<void> {
  const whole = await describeWhole(bytes, verifyKeys);
  const random = seededRandom(SEED);
  for (let i = 0; i < FLIPS; i++) {
    const at = Math.floor(random() * bytes.length);
    const bit = Math.floor(random() * 8);
    const changed = Uint8Array.from(bytes);
    changed[at]! ^= 1 << bit;
    const label = `${kind}: bit ${bit} of byte ${at}, seed ${SEED}`;
    flips++;
    let found: ArtifactDescription;
    try {
      found = await describe(changed, verifyKeys);
    } catch (error) {
      assertRefusal(error, label);
      continue;
    }
    assert.deepEqual(found, whole, label);
    const region = uncheckedRegion(bytes, at);
    assert.ok(region, `${label}: accepted`);
    unchecked.set(region, (unchecked.get(region) ?? 0) + 1);
  }
}

async function checkCuts(bytes: Uint8Array, verifyKeys: KeyObject[], kind: string): Promise<void> {
  const random = seededRandom(SEED + 1);
  for (let i = 0; i < CUTS; i++) {
    const at = Math.floor(random() * bytes.length);
    const label = `${kind}: cut off at ${at} of ${bytes.length}, seed ${SEED}`;
    await assert.rejects(describe(bytes.subarray(0, at), verifyKeys), (error) => {
      assertRefusal(error, label);
      return true;
    }, label);
  }
}

for (const [layout, args] of LAYOUTS) {
  for (const compression of COMPRESSIONS) {
    test(
      `ArtifactReader notices damage of mender-artifact's ${layout}, ${compression}`,
      () =>
        inTemporaryDirectory(async (directory) => {
          writeFileSync(
            join(directory, "one.bin"),
            joined(seededContent(2000, SEED)),
          );
          writeFileSync(join(directory, "two.txt"), "two\n");
          writeFileSync(join(directory, "empty"), "");
          writeFileSync(join(directory, "meta.json"), '{"force":true}');
          for (const script of ["ArtifactInstall_Enter_00_check", "ArtifactCommit_Leave_99"]) {
            writeFileSync(join(directory, script), "#!/bin/sh\n");
          }
          for (const [signer, key, verifyKeys = []] of SIGNERS) {
            const line = ["write", ...args, "--compression", compression, "-o", "a.mender"];
            if (key !== undefined) {
              writeFileSync(join(directory, "key.pem"), key);
              line.push("-k", "key.pem");
            }
            const options = { cwd: directory, timeout: TIMEOUT_MS };
            await promisify(execFile)("mender-artifact", line, options);
            const bytes = new Uint8Array(readFileSync(join(directory, "a.mender")));
            await checkFlips(bytes, verifyKeys, signer);
            await checkCuts(bytes, verifyKeys, signer);
          }
        }),
      { skip },
    );
  }
}

test("ArtifactReader leaves few bytes of mender-artifact's Artifacts unchecked", () => {
  const sum = [...unchecked].map(([region, count]) => `${count} in ${region}`).join(", ");
  console.log(`Seed ${SEED}: ${flips} flips, accepted without effect: ${sum}`);
  assert.equal(flips, LAYOUTS.length * COMPRESSIONS.length * SIGNERS.length * FLIPS);
}, { skip });
