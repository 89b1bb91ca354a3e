import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runtimeFlags } from "../../cli/permissions/runtime_flags.ts";
import type { RigOptions } from "../../tests/support/client_rig.ts";
import { buildBundle, THIS_CPU } from "../ship/build_bundle.ts";

/** What a rig runs in the place of the sources. */
export type Shipped = Pick<RigOptions, "main" | "flags" | "read">;

let unpacked: string | undefined;

/** The daemon as devices have it: from a bundle, with the flags of its unit. Made at the first call. */
export function shippedDaemon(): Shipped {
  const home = unpacked ??= unpackBundle();
  return {
    main: pathToFileURL(join(home, "cli/main.js")),
    flags: runtimeFlags("daemon"),
    read: [home],
  };
}

function unpackBundle(): string {
  const directory = mkdtempSync(join(tmpdir(), "mender-deno-shipped-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  const bundle = buildBundle({ directory, deno: undefined, cpu: THIS_CPU });
  const home = join(directory, "home");
  mkdirSync(home);
  const { status, stderr } = spawnSync(
    "tar",
    ["-xzf", bundle, "-C", home, "--strip-components=1"],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`Cannot unpack the bundle: ${stderr}`);
  return home;
}
