/** The engine's own collector, where the program was started so that it may be called. */
interface Collector {
  gc?: (how: { type: "major"; execution: "sync"; flavor: "last-resort" }) => void;
}

/**
 * Gives back what the start of a program, or a part of its work, has left in memory: garbage, and compiled
 * code that is compiled again when it is needed. Does nothing in a process without `--expose-gc` (V8; both
 * runtimes). It takes some ten milliseconds.
 */
export function collectGarbage(): void {
  (globalThis as Collector).gc?.({ type: "major", execution: "sync", flavor: "last-resort" });
}
