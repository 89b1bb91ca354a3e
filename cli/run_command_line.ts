import { causeChain, isMenderError, messageOf } from "../lib/core/errors.ts";
import { jsonLine, logTo } from "../lib/log/record.ts";
import { Redactor } from "../lib/log/redactor.ts";
import type { Drivers } from "../lib/runtime/drivers.ts";
import { colored, hasColor } from "./colors.ts";
import { commandContext, runIn } from "./command_context.ts";
import { readPlainLine } from "./plain_line.ts";
import { Interrupted } from "./interrupted.ts";
import { printable } from "./printable.ts";

/** Exit codes: architecture section 3. */
const FAILED = 1;
const USAGE = 2;
const INTERRUPTED = 130;

// deno-lint-ignore no-control-regex
const SGR = /\x1b\[[\d;]*m/g;

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
  const tellAny = (error: unknown): void => {
    try {
      if (isJson(args)) tellAsJson(drivers, redactor, error);
      else tell(drivers, redactor, error, args.includes("--verbose"));
    } catch {
      // Standard error itself fails: there is nowhere to tell it.
    }
  };
  const stopWatch = drivers.self.onCrash(tellAny);
  try {
    const line = readPlainLine(args);
    if (line !== undefined) {
      return await runIn(
        commandContext(drivers, line.options, redactor),
        async (context) =>
          line.command === "daemon"
            ? await (await import("./commands/daemon.ts")).daemon(context, line.own)
            : await (await import("./commands/report.ts")).report(context, line.own),
      );
    }
    const { parseAndRun } = await import("./arguments.ts");
    return await parseAndRun(drivers, args, redactor);
  } catch (error) {
    if (error instanceof Interrupted) return INTERRUPTED;
    tellAny(error);
    return isMenderError(error, "usage.") ? USAGE : FAILED;
  } finally {
    stopWatch();
  }
}

function isJson(args: readonly string[]): boolean {
  return args.includes("--log-format=json") ||
    args.some((word, at) => word === "json" && args[at - 1] === "--log-format");
}

function tellAsJson(drivers: Drivers, redactor: Redactor, error: unknown): void {
  const logger = logTo(
    [(record) => drivers.self.writeError(jsonLine(record))],
    redactor,
    drivers.clock,
  );
  const fields = isMenderError(error)
    ? { code: error.code, ...(error.hint !== undefined && { hint: error.hint }) }
    : {};
  // The message itself is no cause.
  logger.log("fatal", messageOf(error), fields, error instanceof Error ? error.cause : undefined);
}

function tell(drivers: Drivers, redactor: Redactor, error: unknown, isVerbose: boolean): void {
  const lines = isVerbose ? causeChain(error) : [messageOf(error)];
  if (isMenderError(error) && error.hint !== undefined) lines.push(error.hint);
  const [first = "", ...rest] = lines;
  const text = [`Error: ${first}`, ...rest.map((line) => `  ${line}`)].join("\n");
  // Causes may quote what came from elsewhere as it is; Deno colours some of its messages.
  const shown = printable(redactor.redact(text.replace(SGR, "")));
  drivers.self.writeError(`${hasColor(drivers) ? colored(shown) : shown}\n`);
}
