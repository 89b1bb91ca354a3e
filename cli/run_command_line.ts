import { causeChain, isMenderError, messageOf } from "../lib/core/errors.ts";
import { Redactor } from "../lib/log/redactor.ts";
import type { Drivers } from "../lib/runtime/drivers.ts";
import { Interrupted } from "./interrupted.ts";
import { printable } from "./printable.ts";

/** Exit codes: architecture §3. */
const FAILED = 1;
const USAGE = 2;
const INTERRUPTED = 130;

/**
 * Runs one command line to its end.
 *
 * Every failure becomes one line on standard error, with what to do about it on the next; with
 * `--log-format json` it is one record.
 *
 * @returns The exit code.
 */
export async function runCommandLine(drivers: Drivers, args: readonly string[]): Promise<number> {
  const redactor = new Redactor();
  try {
    const { parseAndRun } = await import("./arguments.ts");
    return await parseAndRun(drivers, args, redactor);
  } catch (error) {
    if (error instanceof Interrupted) return INTERRUPTED;
    if (isJson(args)) await tellAsJson(drivers, redactor, error);
    else tell(drivers, redactor, error, args.includes("--verbose"));
    return isMenderError(error, "usage.") ? USAGE : FAILED;
  }
}

function isJson(args: readonly string[]): boolean {
  return args.includes("--log-format=json") ||
    args.some((word, at) => word === "json" && args[at - 1] === "--log-format");
}

async function tellAsJson(drivers: Drivers, redactor: Redactor, error: unknown): Promise<void> {
  const { jsonLine, logTo } = await import("../lib/log/record.ts");
  const logger = logTo(
    [(record) => drivers.self.writeError(jsonLine(record))],
    redactor,
    drivers.clock,
  );
  const fields = isMenderError(error)
    ? { code: error.code, ...(error.hint !== undefined && { hint: error.hint }) }
    : {};
  logger.log("fatal", messageOf(error), fields, error);
}

function tell(drivers: Drivers, redactor: Redactor, error: unknown, isVerbose: boolean): void {
  const lines = isVerbose ? causeChain(error) : [messageOf(error)];
  if (isMenderError(error) && error.hint !== undefined) lines.push(error.hint);
  const [first = "", ...rest] = lines;
  // Causes may quote what came from elsewhere as it is.
  drivers.self.writeError(
    printable(redactor.redact([`Error: ${first}`, ...rest.map((line) => `  ${line}`)].join("\n"))) +
      "\n",
  );
}
