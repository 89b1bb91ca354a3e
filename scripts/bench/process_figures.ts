import { readdirSync, readFileSync, writeFileSync } from "node:fs";

/** Clock ticks per second in /proc; the same on every Linux that we run on. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process so far, that of its ended children included, in milliseconds. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * 1000 / TICKS_PER_SECOND;
}

/** Files, sockets and the like that a process has open. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/**
 * CPU time of a process over a while, by what the scheduler counts for each of its threads: ticks are too
 * coarse for what a poll takes. Threads that have ended count as far as they were seen.
 */
export class ThreadTimes {
  readonly #pid: number;
  readonly #seen = new Map<string, number>();

  /** Looks at a process. */
  constructor(pid: number) {
    this.#pid = pid;
    this.look();
  }

  /** All threads together so far, in milliseconds. */
  look(): number {
    const directory = `/proc/${this.#pid}/task`;
    for (const thread of readdirSync(directory)) {
      try {
        const [nanoseconds] = readFileSync(`${directory}/${thread}/schedstat`, "utf8").split(" ");
        this.#seen.set(thread, Number(nanoseconds));
      } catch {
        // it has ended since the directory was read
      }
    }
    return [...this.#seen.values()].reduce((sum, each) => sum + each, 0) / 1e6;
  }
}

/** Memory of a process. */
export interface MemoryFigures {
  /** Resident now, in bytes. */
  readonly residentBytes: number;
  /** Most that was ever resident, or since {@link forgetPeak}, in bytes. */
  readonly peakBytes: number;
  /** Resident now, and of no file: no other process can share it. */
  readonly anonymousBytes: number;
}

/** Memory of a process at this moment. */
export function memoryOf(pid: number): MemoryFigures {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (key: string): number =>
    1024 * Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);
  return {
    residentBytes: bytes("VmRSS"),
    peakBytes: bytes("VmHWM"),
    anonymousBytes: bytes("RssAnon"),
  };
}

/** Lets the peak of a process begin anew from what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
