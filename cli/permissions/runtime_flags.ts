/** Of the engine; docs/bench/README.md has what they save. */
const ENGINE = [
  // No optimised code, and no cache of code, for what runs once in half an hour.
  "--no-opt",
  "--no-maglev",
  "--optimize-for-size",
  // No collection because nothing happens: it takes more time than the polls between.
  "--no-memory-reducer",
  // The daemon calls the collector itself. (--lite-mode would take WebAssembly away, which reads xz.)
  "--expose-gc",
];

/** For a process that runs for months, and waits. */
const LEAN = ["--no-code-cache", `--v8-flags=${ENGINE.join(",")}`];

/** Flags of `deno run`, beside those for permissions, that a command is started with. */
export function runtimeFlags(command: string): readonly string[] {
  return command === "daemon" ? LEAN : [];
}
