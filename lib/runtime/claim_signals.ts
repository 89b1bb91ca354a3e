/**
 * Takes SIGUSR1, SIGUSR2 and SIGHUP over as soon as it is imported, so that none of them ends this
 * process; until something listens to them they have no effect. It has to be evaluated before anything
 * else of the program is even loaded.
 *
 * On Node this also keeps SIGUSR1 from opening a debugger that asks nobody for a password. Deno (2.9.2 and
 * newer) opens its own whoever listens: it is closed again at once, which takes `--allow-sys`. Without that
 * permission only a start with the signal blocked, as by `env --block-signal=USR1`, keeps it shut.
 *
 * @see architecture section 2, `daemon.sock`
 * @module
 */

/** Deno opens its debugger on a thread of its own, some milliseconds after we hear of the signal. */
const WATCH_MS = 2000;
const LOOK_EVERY_MS = 2;

const SIGNALS = ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const;

if ("Deno" in globalThis) {
  for (const signal of SIGNALS) Deno.addSignalListener(signal, () => {});
  Deno.addSignalListener("SIGUSR1", () => void keepDebuggerShut());
} else {
  const { process } = globalThis as unknown as {
    process: { on(signal: string, handler: () => void): void };
  };
  for (const signal of SIGNALS) process.on(signal, () => {});
}

async function keepDebuggerShut(): Promise<void> {
  const { default: inspector } = await import("node:inspector");
  const end = performance.now() + WATCH_MS;
  const look = (): void => {
    try {
      if (inspector.url() !== undefined) inspector.close();
    } catch {
      return; // not permitted: Deno itself has told on standard error that it listens
    }
    if (performance.now() < end) setTimeout(look, LOOK_EVERY_MS);
  };
  look();
}
