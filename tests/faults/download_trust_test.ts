import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { keyFingerprint } from "../../lib/artifact/mod.ts";
import { type ArtifactSpec, writeArtifact } from "../../lib/testing/artifact_writer.ts";
import { RIG_DEVICE_TYPE } from "../support/client_rig.ts";
import { artifactRequests } from "../support/device_rig.ts";
import { assertEnd, never, overHttpAndHttps, publish } from "../support/download_faults.ts";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ecdsa = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const stranger = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
const KEYS = { "rsa.pem": rsa.publicKey, "ecdsa.pem": ecdsa.publicKey };

const SPEC: ArtifactSpec = {
  name: "release-2",
  deviceTypes: [RIG_DEVICE_TYPE],
  payloadType: "acme",
  files: [{ name: "payload.bin", content: { sizeBytes: 300_000, seed: 3 } }],
  compression: "gz",
};
const AUGMENT = { files: [{ name: "more.bin", content: new Uint8Array(9) }] };

interface Row {
  readonly name: string;
  readonly spec: ArtifactSpec;
  /** Keys that are configured, by file. */
  readonly keys?: readonly string[];
  /** Requests for the Artifact; what another download cannot mend is fetched once. */
  readonly requests?: readonly string[];
  readonly end: "handed-over" | "failed";
  readonly log: RegExp;
}

const rows: Row[] = [
  {
    name: "signed with RSA",
    spec: { ...SPEC, signWith: rsa.privateKey },
    keys: ["ecdsa.pem", "rsa.pem"],
    end: "handed-over",
    log: new RegExp(`downloaded and verified, signed with key ${keyFingerprint(rsa.publicKey)}`),
  },
  {
    name: "signed with ECDSA",
    spec: { ...SPEC, signWith: ecdsa.privateKey },
    keys: ["ecdsa.pem"],
    end: "handed-over",
    log: new RegExp(`downloaded and verified, signed with key ${keyFingerprint(ecdsa.publicKey)}`),
  },
  {
    name: "signed, without a key",
    spec: { ...SPEC, signWith: ecdsa.privateKey },
    end: "handed-over",
    log: /its signature was not checked, because no key is configured/,
  },
  {
    name: "augmented, without a key",
    spec: { ...SPEC, augment: AUGMENT },
    end: "handed-over",
    log: /downloaded and verified/,
  },
  {
    name: "unsigned",
    spec: SPEC,
    keys: ["rsa.pem"],
    end: "failed",
    log: /it has no "manifest\.sig", and keys are configured/,
  },
  {
    name: "signed with another key",
    spec: { ...SPEC, signWith: stranger.privateKey },
    keys: ["rsa.pem", "ecdsa.pem"],
    end: "failed",
    log: /its signature fits none of the 2/,
  },
  {
    name: "signed and augmented",
    spec: { ...SPEC, signWith: rsa.privateKey, augment: AUGMENT },
    keys: ["rsa.pem"],
    end: "failed",
    log: /it is augmented \("manifest-augment"\), which no signature covers/,
  },
  {
    name: "signed, with one key that can be read and one that cannot",
    spec: { ...SPEC, signWith: rsa.privateKey },
    keys: ["rsa.pem", "absent.pem"],
    requests: [],
    end: "failed",
    log: /Cannot verify Artifacts: .*absent\.pem.*there is no such file/,
  },
  {
    name: "that depends on what is not there",
    spec: { ...SPEC, depends: { bootloader: ["7"] } },
    end: "failed",
    log: /needs "bootloader" to be "7"/,
  },
];

for (const { name, spec, keys = [], requests = ["whole"], end, log } of rows) {
  overHttpAndHttps(`an Artifact ${name} ends ${end}`, {}, async (server, open) => {
    const { rig } = await open();
    const config = JSON.parse(rig.read(rig.paths.mainConfig));
    config.ArtifactVerifyKeys = keys.map((key) => `${rig.root}/${key}`);
    rig.write(rig.paths.mainConfig, JSON.stringify(config));
    for (const [file, key] of Object.entries(KEYS)) {
      rig.write(`${rig.root}/${file}`, key.export({ type: "spki", format: "pem" }).toString());
    }
    const rigged = await open();
    const artifact = writeArtifact(spec);
    const id = await publish(server, rigged, artifact);
    assert.equal(await rigged.device.checkUpdate(never), end, rigged.log());
    assert.match(rigged.log(), log);
    assert.deepEqual(artifactRequests(server), requests);
    await assertEnd(server, id, rigged, end, artifact.length);
  });
}
