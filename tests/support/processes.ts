import { readdirSync, readFileSync } from "node:fs";

/** Whether a process runs; one that has ended and was not noticed yet (a zombie) does not. */
export function isAlive(pid: number): boolean {
  const fields = statOf(pid);
  return fields !== undefined && fields[0] !== "Z" && fields[0] !== "X";
}

/** The processes of a session that run. */
export function membersOf(session: number): number[] {
  return allProcesses().filter((pid) => isAlive(pid) && Number(statOf(pid)?.[3]) === session);
}

/** The running processes in whose command line a text stands, and those that they have started. */
export function treesNaming(text: string): Set<number> {
  const all = allProcesses().filter(isAlive);
  const found = new Set(all.filter((pid) => commandLineOf(pid).includes(text)));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const pid of all) if (found.has(Number(statOf(pid)?.[1]))) found.add(pid);
  }
  return found;
}

/** The running processes in whose environment a variable stands, written `NAME=value`. */
export function processesWith(variable: string): number[] {
  return allProcesses().filter((pid) =>
    textOf(pid, "environ").split("\0").includes(variable) && isAlive(pid)
  );
}

/** The session that a process belongs to; `undefined` when it has gone. */
export function sessionOf(pid: number): number | undefined {
  const session = statOf(pid)?.[3];
  return session === undefined ? undefined : Number(session);
}

/** Program and arguments of a process, each behind a NUL; empty when it has gone. */
export function commandLineOf(pid: number): string {
  return textOf(pid, "cmdline");
}

function allProcesses(): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

function textOf(pid: number, name: "cmdline" | "environ"): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return ""; // it has gone
  }
}

/** State, parent, group and session of a process, and what follows them. */
function statOf(pid: number): string[] | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "utf8");
    return line.slice(line.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // it has gone
  }
}
