/** The engine's own collector, where the program was started so that it may be called. */
interface Collector {
  gc?: (how: { type: "major"; execution: "sync"; flavor: "regular" | "last-resort" }) => void;
}

/** How much is collected: `all`: compiled code too, which is compiled again when it is needed. */
export type Thoroughness = "garbage" | "all";

/**
 * Gives back memory that a part of the program's work has left behind. Does nothing in a process that was
 * started without `--expose-gc` (a flag of V8). It takes some ten milliseconds, `all` thirty.
 */
export function collectGarbage(what: Thoroughness): void {
  const flavor = what === "all" ? "last-resort" : "regular";
  (globalThis as Collector).gc?.({ type: "major", execution: "sync", flavor });
}
