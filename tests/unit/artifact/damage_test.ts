import { strict as assert } from "node:assert";
import { generateKeyPairSync } from "node:crypto";
import { test } from "../../support/test.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { uncheckedRegion } from "../../support/artifact_regions.ts";
import { READABLE_SUFFIXES } from "../../support/packed.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { build, read, rejectsWith } from "./artifact_parts.ts";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const verifyKeys = [publicKey];
const SEED = 20_240_611;
const FLIPS = 150;
const CUTS = 100;

const ARTIFACTS = READABLE_SUFFIXES.flatMap((suffix) => {
  const kind = suffix === "" ? "uncompressed" : suffix;
  const parts = { suffix, metaData: '{"a":1}' };
  return [
    { kind: `signed, ${kind}`, bytes: build({ ...parts, signWith: privateKey }), verifyKeys },
    { kind: `augmented, ${kind}`, bytes: build({ ...parts, augment: {} }), verifyKeys: [] },
  ];
});

for (const { kind, bytes, verifyKeys } of ARTIFACTS) {
  test(`ArtifactReader notices a changed byte anywhere (${kind})`, async () => {
    const whole = await read(bytes, { verifyKeys });
    const random = seededRandom(SEED);
    for (let i = 0; i < FLIPS; i++) {
      const at = Math.floor(random() * bytes.length);
      const mask = 1 + Math.floor(random() * 255);
      const changed = Uint8Array.from(bytes);
      changed[at]! ^= mask;
      const label = `byte ${at} xor ${mask}, seed ${SEED}`;
      try {
        assert.deepEqual(await read(changed, { verifyKeys }), whole, label);
      } catch (error) {
        if (!isMenderError(error)) throw error;
        assert.ok(isMenderError(error, "artifact."), `${label}: ${error.message}`);
        assert.equal(error.retry, "never", label);
        continue;
      }
      assert.ok(uncheckedRegion(bytes, at), `accepted: ${label}`);
    }
  });

  test(`ArtifactReader notices an end at any place (${kind})`, async () => {
    const random = seededRandom(SEED);
    const cuts = new Set<number>();
    for (let at = 0; at < bytes.length; at += 512) cuts.add(at); // among them every member boundary
    for (let i = 0; i < CUTS; i++) cuts.add(Math.floor(random() * bytes.length));
    for (const at of cuts) {
      await rejectsWith("artifact.truncated", read(bytes.subarray(0, at), { verifyKeys }));
    }
  });
}
