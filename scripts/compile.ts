/**
 * Compiles an executable for devices, with its permissions baked in, in `dist`.
 *
 * `--target x86_64-unknown-linux-gnu|aarch64-unknown-linux-gnu` (absent: this machine's); `--config
 * <file>`: the servers of this mender.conf are permitted; `--net <host:port>`: this address too;
 * `--sets daemon,report,flow`: the rights of these commands; `--out <dir>`. `DENORT_BIN` names the
 * runtime part where it cannot be fetched.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { compileExecutable, CompileFailure, TARGETS } from "./ship/compile_executable.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string", default: TARGETS[process.arch === "arm64" ? 1 : 0] },
    config: { type: "string" },
    net: { type: "string", multiple: true, default: [] },
    sets: { type: "string", default: "daemon,report,flow" },
    out: { type: "string", default: "dist" },
  },
});
const target = TARGETS.find((known) => known === values.target);
try {
  if (target === undefined) {
    throw new CompileFailure(
      `there is no Deno for ${values.target}, only for ${TARGETS.join(", ")}`,
    );
  }
  console.log(compileExecutable({
    directory: values.out,
    target,
    sets: values.sets.split(","),
    config: values.config,
    net: values.net,
  }));
} catch (error) {
  if (!(error instanceof CompileFailure)) throw error;
  console.error(`Cannot compile: ${error.message}`);
  process.exit(1);
}
