/**
 * Builds a bundle for devices in `dist`: one tar with all that is needed, nothing to be fetched.
 *
 * `--deno <file>`: the Deno binary that goes into it; absent: the one that runs this.
 * `--without-deno`: none, the device has one. `--cpu x64|arm64`: the machine that it is for; with
 * another one than this, `--deno` must name its binary. `--out <dir>`.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { buildBundle, THIS_CPU } from "./ship/build_bundle.ts";

const { values } = parseArgs({
  options: {
    deno: { type: "string" },
    "without-deno": { type: "boolean", default: false },
    cpu: { type: "string", default: THIS_CPU },
    out: { type: "string", default: "dist" },
  },
});
if (values.cpu !== THIS_CPU && values.deno === undefined && !values["without-deno"]) {
  console.log(`Cannot build a bundle for ${values.cpu}: name its Deno binary with --deno`);
  process.exit(2);
}
console.log(buildBundle({
  directory: values.out,
  deno: values["without-deno"] ? undefined : values.deno ?? process.execPath,
  cpu: values.cpu,
}));
