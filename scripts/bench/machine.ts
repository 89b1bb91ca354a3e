import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { basename } from "node:path";
import process from "node:process";

/** The machine, and the programs on it: what figures are worth nothing without. */
export function machineLine(): string {
  const processors = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const model = processors[0]?.model.trim() ?? "processor";
  return `${processors.length} × ${model}, ${memory}, Linux ${release()}, ` +
    `files on ${fileSystemOf(tmpdir())}\n${programs().join(", ")}`;
}

/** Versions of the programs that are measured, as far as they are there. */
function programs(): string[] {
  const known = [["mender", "--version"], ["/usr/bin/python3", "--version"]] as const;
  const versions = known.flatMap(([program, flag]) => {
    const { status, stdout } = spawnSync(program, [flag], { encoding: "utf8" });
    const version = /\d+\.\d+\S*/.exec(stdout ?? "")?.[0];
    return status === 0 && version !== undefined ? [`${basename(program)} ${version}`] : [];
  });
  return [`Deno ${process.versions["deno"]}`, ...versions];
}

/** Type of the file system that a path lies on. */
function fileSystemOf(path: string): string {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n").map((line) => {
    const [, point = "", type = ""] = line.split(" ");
    return { point, type };
  });
  const covering = mounts.filter(({ point }) =>
    point === path || path.startsWith(point.endsWith("/") ? point : `${point}/`)
  );
  // The last mount over a point is the one that is seen.
  return covering.reduce((a, b) => b.point.length >= a.point.length ? b : a).type;
}
