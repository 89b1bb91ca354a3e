import { IdentityError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ProcessDriver, RunResult } from "../runtime/processes/process_driver.ts";

/** Longest output of one script in bytes. */
export const MAX_SCRIPT_OUTPUT_BYTES = 256 * 1024;

/** One run of an identity or inventory script. */
export interface ScriptRun {
  /** Starts programs. */
  readonly processes: ProcessDriver;
  /** Absolute path of the script; it gets no arguments. */
  readonly path: string;
  /** After this time the script and all it started are killed. */
  readonly timeoutMs: number;
  /** Hears what the script writes to standard error, at level debug. */
  readonly logger: Logger;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a script that prints `key=value` lines. Its output is used whole or not at all: half an
 * identity is another identity.
 *
 * @returns What it wrote to standard output, with a byte order mark if it wrote one.
 * @throws {IdentityError} `identity.not-startable`, `identity.timed-out`, `identity.script-failed`
 * (exit code or signal), `identity.too-much-output`, `identity.not-text` (not UTF-8, or with NUL).
 * @throws The reason of `signal` when it was aborted.
 */
export async function runKeyValueScript(run: ScriptRun): Promise<string> {
  const { path, timeoutMs, logger, signal } = run;
  signal?.throwIfAborted();
  let result: RunResult;
  try {
    result = await run.processes.run({
      command: path,
      timeoutMs,
      maxOutputBytes: MAX_SCRIPT_OUTPUT_BYTES,
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    throw failure("not-startable", path, messageOf(error), error);
  }
  signal?.throwIfAborted();
  const complaint = new TextDecoder().decode(result.stderr).trim();
  if (complaint !== "") {
    logger.log("debug", `${path} wrote to standard error: ${oneLine(complaint)}`);
  }
  if (result.isTimedOut) {
    throw failure("timed-out", path, `it ran longer than ${timeoutMs / 1000} s`);
  }
  if (result.code !== 0) {
    const end = result.code === undefined ? "a signal ended it" : `exit code ${result.code}`;
    throw failure("script-failed", path, complaint === "" ? end : `${end}, ${oneLine(complaint)}`);
  }
  if (result.isTruncated && result.stdout.length >= MAX_SCRIPT_OUTPUT_BYTES) {
    throw failure("too-much-output", path, `it printed more than ${MAX_SCRIPT_OUTPUT_BYTES} bytes`);
  }
  return decode(path, result.stdout);
}

function decode(path: string, output: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(output);
  } catch (error) {
    throw failure("not-text", path, "what it printed is not UTF-8 text", error);
  }
  if (text.includes("\0")) throw failure("not-text", path, "it printed a NUL byte");
  return text;
}

/** The last part of an error output, where scripts say what went wrong. */
function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ");
  return line.length > 300 ? `\u2026${line.slice(-300)}` : line;
}

function failure(reason: string, path: string, why: string, cause?: unknown): IdentityError {
  return new IdentityError(`identity.${reason}`, `Cannot use the output of ${path}: ${why}`, {
    cause,
  });
}
