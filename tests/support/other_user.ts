import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { type Peer, peer } from "./peers.ts";
import { REPOSITORY } from "./repository_text.ts";
import { test } from "./test.ts";

/** The user nobody, who may do nothing in particular. */
const NOBODY = "65534";

/**
 * Shows directories at places that every user can reach, in a namespace of its own, and goes on as
 * another user.
 */
const ENTER = `set -e
show() { mkdir -p "$2" && mount --bind "$1" "$2"; }
show "$2" "$1/runtime"
show "$3" "$1/repository"
if [ -n "$4" ]; then show "$4" "$1/cache"; fi
shift 4
exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups -- "$@"`;

const UNSHARE = ["--mount", "--propagation", "private"];

/** Whether this machine lets a test run a program as somebody else. */
export function otherUserPeer(): Peer {
  for (const [program, hint] of [["setpriv", "util-linux"], ["unshare", "util-linux"]] as const) {
    const found = peer(program, `apt-get install ${hint}`);
    if (found.skip !== undefined) return found;
  }
  const { status } = spawnSync("unshare", [...UNSHARE, "true"]);
  if (process.getuid?.() === 0 && status === 0) return {};
  const reason = "only root may run programs as somebody else";
  if (process.env.MENDER_DENO_REQUIRE_PEERS === "1") {
    test("peer: this user may run programs as somebody else", () => {
      throw new Error(reason);
    });
  }
  return { skip: reason };
}

/**
 * A command of this project as a command of the user nobody.
 *
 * @param dir An empty directory that every user can reach.
 */
export function asNobody(dir: string, command: readonly string[]): string[] {
  const runtime = dirname(process.execPath);
  const cache = "Deno" in globalThis ? process.env.DENO_DIR ?? join(homedir(), ".cache/deno") : "";
  const moved = command.map((word) =>
    word.startsWith(`${runtime}/`)
      ? word.replace(runtime, join(dir, "runtime"))
      : word.replaceAll(`${REPOSITORY}/`, `${join(dir, "repository")}/`)
  );
  return [
    ...["unshare", ...UNSHARE, "sh", "-c", ENTER, "enter", dir, runtime, REPOSITORY, cache],
    ...["env", `DENO_DIR=${join(dir, "cache")}`, `HOME=${dir}`, ...moved],
  ];
}
