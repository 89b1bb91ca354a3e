import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { seededContent } from "../../lib/testing/mod.ts";
import { RIG_DEVICE_TYPE } from "../../tests/support/client_rig.ts";
import { peer } from "../../tests/support/peers.ts";
import { runProgram } from "../gate/run_program.ts";
import { BENCH_ARTIFACT } from "./artifact_server.ts";

/** Whether mender-artifact is there. */
export const writerPeer = peer("mender-artifact", "apt-get install mender-artifact");

const LIMIT_MS = 600_000;

/** Lets mender-artifact write an Artifact as it does by default, with gzip; the path of it. */
export async function writeGzipArtifact(dir: string, payloadBytes: number): Promise<string> {
  const payload = join(dir, "payload.bin");
  const file = openSync(payload, "w");
  let isRandom = true;
  for (const block of seededContent(payloadBytes, 3)) {
    // Half of it compresses well: what comes out is not as large as what goes in.
    writeSync(file, isRandom ? block : new Uint8Array(block.length));
    isRandom = !isRandom;
  }
  closeSync(file);
  const path = join(dir, "gzip.mender");
  // deno-fmt-ignore
  const { code, output } = await runProgram("mender-artifact", [
    "write", "module-image", "-n", BENCH_ARTIFACT, "-t", RIG_DEVICE_TYPE, "-T", "acme",
    "-f", payload, "-o", path, "--compression", "gzip",
  ], { isQuiet: true, limitMs: LIMIT_MS });
  if (code !== 0) throw new Error(`mender-artifact ended with ${code}: ${output}`);
  return path;
}
