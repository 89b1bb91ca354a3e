import { readFileSync, writeFileSync } from "node:fs";

/** Clock ticks per second in /proc; the same on every Linux that we run on. */
const TICKS_PER_SECOND = 100;

/** CPU time of a process so far, that of its ended children included, in milliseconds. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks * 1000 / TICKS_PER_SECOND;
}

/** Memory of a process. */
export interface MemoryFigures {
  /** Resident now, in bytes. */
  readonly residentBytes: number;
  /** Most that was ever resident, or since {@link forgetPeak}, in bytes. */
  readonly peakBytes: number;
}

/** Memory of a process at this moment. */
export function memoryOf(pid: number): MemoryFigures {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (key: string): number =>
    1024 * Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);
  return { residentBytes: bytes("VmRSS"), peakBytes: bytes("VmHWM") };
}

/** Lets the peak of a process begin anew from what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
