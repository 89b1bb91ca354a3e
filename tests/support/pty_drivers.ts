import { hostDrivers } from "../../lib/runtime/host.ts";
import { nativePty } from "../../lib/runtime/pty/native_pty.ts";
import type { PtyDriver, PtyOptions, PtyProcess } from "../../lib/runtime/pty/pty_driver.ts";
import { scriptPty } from "../../lib/runtime/pty/script_pty.ts";

const { processes, clock } = await hostDrivers();

/** Every way to make a pseudo-terminal on this machine. */
export const ptyDrivers: readonly PtyDriver[] = [
  await nativePty(),
  scriptPty(processes, clock),
].filter((driver) => driver !== undefined);

/** A program in a terminal, with all that it wrote. */
export interface PtyRun {
  readonly pty: PtyProcess;
  /** Everything that it wrote so far. */
  output(): string;
}

/** Starts shell lines in a terminal. */
export async function runInPty(
  driver: PtyDriver,
  lines: string,
  options: Partial<PtyOptions> = {},
): Promise<PtyRun> {
  const chunks: Uint8Array[] = [];
  const pty = await driver.start({
    command: ["/bin/sh", "-c", lines],
    directory: "/",
    env: { TERM: "xterm-256color", HOME: "/" },
    columns: 80,
    rows: 24,
    onOutput: (bytes) => chunks.push(bytes),
    ...options,
  });
  const decoder = new TextDecoder();
  return { pty, output: () => chunks.map((chunk) => decoder.decode(chunk)).join("") };
}
