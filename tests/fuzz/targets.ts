import { ArtifactReader, DEFAULT_LIMITS } from "../../lib/artifact/mod.ts";
import { parseHeaderInfo } from "../../lib/artifact/header/header_info.ts";
import { parseTypeInfo } from "../../lib/artifact/header/type_info.ts";
import { parseManifest } from "../../lib/artifact/manifest.ts";
import { TarReader } from "../../lib/artifact/tar/tar_reader.ts";
import { parseOffer } from "../../lib/api/next_deployment.ts";
import { loadConfig, loadConnectConfig, wellKnownPaths } from "../../lib/config/mod.ts";
import { encodeFrame, PROTOCOLS } from "../../lib/connect/protocol/frame.ts";
import { decodeFrame } from "../../lib/connect/protocol/frame.ts";
import { readControlError, readOpen } from "../../lib/connect/protocol/control_messages.ts";
import {
  readFileInfo,
  readPath,
  readPut,
} from "../../lib/connect/protocol/file_transfer_messages.ts";
import { readForwardTarget } from "../../lib/connect/protocol/port_forward_messages.ts";
import { readTerminalSize } from "../../lib/connect/protocol/shell_messages.ts";
import { parseControlMap } from "../../lib/control/control_map_json.ts";
import { parsePolicy } from "../../lib/control/policy/policy.ts";
import { parseContentRange } from "../../lib/core/content_range.ts";
import { isMenderError } from "../../lib/core/errors.ts";
import { parseKeyValue } from "../../lib/core/key_value.ts";
import { silentLogger } from "../../lib/core/logger.ts";
import { parseRetryAfter } from "../../lib/core/retry_after.ts";
import { parseAnswer, parseRequest } from "../../lib/daemon/control/protocol.ts";
import { encodeIdentity, inventoryPayload } from "../../lib/identity/mod.ts";
import { parseIdentity } from "../../lib/identity/parse_identity.ts";
import { readKey } from "../../lib/keys/read_key.ts";
import { DeploymentRecordFile } from "../../lib/store/deployment_record.ts";
import { LockFile } from "../../lib/store/lock_file.ts";
import { OutcomeFiles } from "../../lib/store/outcome_file.ts";
import { writeArtifact } from "../../lib/testing/mod.ts";
import { MemoryDisk } from "../faults/kill/memory_disk.ts";
import { keptCorpus } from "./corpus.ts";

/** Something that reads what comes from outside. */
export interface Target {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** Reads an input; may throw our typed errors, and nothing else. */
  readonly read: (input: Uint8Array) => unknown;
}

const decoder = new TextDecoder();
const paths = wellKnownPaths();

/** A target whose inputs are texts, and are kept in `tests/data/fuzz`. */
function ofText(name: string, read: (text: string) => unknown): Target {
  return { name, corpus: keptCorpus(name), read: (input) => read(decoder.decode(input)) };
}

/** A target that reads a file. */
function ofFile(name: string, path: string, read: (disk: MemoryDisk) => unknown): Target {
  return {
    name,
    corpus: keptCorpus(name),
    read(input) {
      const disk = new MemoryDisk();
      disk.put(path, input, 0o600);
      return read(disk);
    },
  };
}

const ARTIFACTS = (["none", "gz"] as const).flatMap((compression) =>
  [1, 700].map((sizeBytes) =>
    writeArtifact({
      name: "release-2",
      deviceTypes: ["acme-box"],
      payloadType: "acme",
      files: [{ name: "a.bin", content: { sizeBytes, seed: 3 } }],
      provides: { "acme.version": "2" },
      clearsProvides: ["acme.*"],
      metaData: { a: [1, { b: null }] },
      scripts: [{ name: "ArtifactInstall_Enter_00", content: "#!/bin/sh\n" }],
      compression,
    })
  )
);

async function readArtifact(input: Uint8Array): Promise<void> {
  const reader = new ArtifactReader({ verifyKeys: [] });
  try {
    const half = input.length >> 1;
    await reader.push(input.subarray(0, half));
    await reader.push(input.subarray(half));
    await reader.finish();
  } finally {
    reader.abandon();
  }
}

const DEPTH = DEFAULT_LIMITS.documentDepth;
const RECORD_PATH = paths.record;
const ID = "0f6b8c1e-2f3a-4e5d-9c8b-7a6f5e4d3c2b";

const FRAMES = [
  {
    protocol: PROTOCOLS.shell,
    type: "new",
    properties: { terminal_width: 80, terminal_height: 24 },
  },
  { protocol: PROTOCOLS.shell, type: "shell", body: new TextEncoder().encode("ls\n") },
  { protocol: PROTOCOLS.control, type: "open", body: Uint8Array.of(0x81, 0xa8) },
].map((frame) =>
  encodeFrame({ sessionId: "a-session", ...frame } as Parameters<typeof encodeFrame>[0])
);

/** Readers of parts of a message; each may refuse what the others take. */
const FRAME_PARTS = [
  readOpen,
  readControlError,
  readPath,
  readPut,
  readFileInfo,
  readForwardTarget,
  readTerminalSize,
];

function readFrame(input: Uint8Array): void {
  const frame = decodeFrame(input);
  for (const read of FRAME_PARTS) {
    try {
      read(frame);
    } catch (error) {
      if (!isMenderError(error)) throw error;
    }
  }
}

/** All that reads what a server, a file, a script, a socket or an Artifact says. */
export const TARGETS: readonly Target[] = [
  { name: "Artifact reader", corpus: ARTIFACTS, read: readArtifact },
  {
    name: "tar",
    corpus: ARTIFACTS,
    read: (input) => {
      for (const _ of new TarReader("the archive", DEFAULT_LIMITS).read(input));
    },
  },
  { name: "connect frames", corpus: FRAMES, read: readFrame },
  ofText("header", (text) => {
    const bytes = new TextEncoder().encode(text);
    for (
      const read of [
        () => parseHeaderInfo(bytes, 3, DEPTH),
        () => parseHeaderInfo(bytes, 2, DEPTH),
        () => parseTypeInfo(bytes, "tmod", 3, DEPTH),
      ]
    ) {
      try {
        read();
      } catch (error) {
        if (!isMenderError(error)) throw error;
      }
    }
  }),
  ofText("manifest", (text) => parseManifest(new TextEncoder().encode(text), DEFAULT_LIMITS)),
  ofText("offer", parseOffer),
  ofFile(
    "config",
    paths.mainConfig,
    (files) => loadConfig({ files, paths, logger: silentLogger }),
  ),
  ofFile(
    "connect_config",
    paths.connectConfig,
    (files) => loadConnectConfig({ files, paths, logger: silentLogger }),
  ),
  ofFile("record", RECORD_PATH, (files) => {
    const outcomes = new OutcomeFiles(files, paths.dataDirectory, silentLogger);
    return new DeploymentRecordFile(files, RECORD_PATH, outcomes, silentLogger).read();
  }),
  ofFile(
    "outcome",
    `${paths.dataDirectory}/outcome.${ID}.json`,
    (files) => new OutcomeFiles(files, paths.dataDirectory, silentLogger).read(ID),
  ),
  ofFile("lock", paths.lock, (files) => new LockFile(files, paths.lock).read()),
  ofText("content_range", parseContentRange),
  ofText("retry_after", (text) => {
    const waitMs = parseRetryAfter(text, Date.UTC(2030, 0, 2));
    if (waitMs !== undefined && !(waitMs >= 1000 && waitMs <= 86_400_000)) {
      throw new Error(`waits ${waitMs} ms`);
    }
  }),
  ofText("key_value", parseKeyValue),
  ofText("script_output", (text) => {
    for (const form of ["array", "scalar"] as const) {
      JSON.parse(encodeIdentity(parseIdentity(text, form).attributes, form));
    }
    return inventoryPayload(parseKeyValue(text).attributes);
  }),
  ofText("control_map", parseControlMap),
  ofText("policy", parsePolicy),
  ofText("socket", (text) => [parseRequest(text), parseAnswer(text)]),
  {
    name: "key_pem",
    corpus: keptCorpus("key_pem"),
    read: (input) => readKey("the key", input),
  },
];
