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

function allProcesses(): number[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
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
