/**
 * V8 for a process that runs for months, and waits: no threads that collect garbage and compile beside it
 * (each of them is woken at every poll), no machine code for what runs once in half an hour, and a collector
 * that the daemon calls itself before it rests. docs/bench/README.md has the figures.
 */
const LEAN = ["--no-code-cache", "--v8-flags=--single-threaded,--lite-mode,--expose-gc"];

/** Flags of `deno run`, beside those for permissions, that a command is started with. */
export function runtimeFlags(command: string): readonly string[] {
  return command === "daemon" ? LEAN : [];
}
