import { readdirSync, readFileSync } from "node:fs";

/** Whether a process runs; one that has ended and was not noticed yet (a zombie) does not. */
export function isAlive(pid: number): boolean {
  const fields = statOf(pid);
  return fields !== undefined && fields[0] !== "Z" && fields[0] !== "X";
}

/** The processes of a session that run. */
export function membersOf(session: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isAlive(pid) && Number(statOf(pid)?.[3]) === session);
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
