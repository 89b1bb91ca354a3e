import { join } from "node:path";
import { peer } from "../../tests/support/peers.ts";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";
import { runProgram } from "../gate/run_program.ts";

/** Whether curl is there. */
export const curlPeer = peer("curl", "apt-get install curl");

const LIMIT_MS = 600_000;

/** Lets curl store a link in a file, without a check of anything; the time in milliseconds. */
export function timeCurl(link: string): Promise<number> {
  return inTemporaryDirectory(async (dir) => {
    const args = ["-sS", "--fail", "-o", join(dir, "artifact"), "-w", "%{time_total}", link];
    const { code, output } = await runProgram("curl", args, { isQuiet: true, limitMs: LIMIT_MS });
    if (code !== 0) throw new Error(`curl ended with ${code}: ${output}`);
    return Number(output) * 1000;
  });
}
