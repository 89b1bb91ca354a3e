import type { GlobalOptions } from "./command_context.ts";
import type { DaemonCommandOptions } from "./commands/daemon.ts";
import type { ReportOptions } from "./commands/report.ts";
import {
  DAEMON_OPTIONS,
  GLOBAL_OPTIONS,
  type PlainOption,
  REPORT_OPTIONS,
} from "./plain_options.ts";

/** A command line that was read without the CLI library. */
export type PlainLine =
  & {
    /** Options that every command takes. */
    readonly options: GlobalOptions;
  }
  & (
    | { readonly command: "daemon"; readonly own: DaemonCommandOptions }
    | { readonly command: "report"; readonly own: ReportOptions }
  );

const OWN: Readonly<Record<string, readonly PlainOption[]>> = {
  daemon: DAEMON_OPTIONS,
  report: REPORT_OPTIONS,
};

/**
 * Reads a command line of `daemon` or `report` without the CLI library: it would stay in the memory of the one,
 * which runs for months, and take a third of the time of the other.
 *
 * @returns `undefined` for every other line, and for one with anything in it that is not quite plain: then it
 * is the library that reads it, and that says what is wrong.
 */
export function readPlainLine(args: readonly string[]): PlainLine | undefined {
  const options: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  let command: string | undefined;
  const words = [...args];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (command === undefined && Object.hasOwn(OWN, word)) {
      command = word;
      continue;
    }
    const [, flag = word, attached] = /^(--[^=]+)=(.+)$/s.exec(word) ?? [];
    const names = (option: PlainOption): boolean => option.flags.split(/[ ,]+/).includes(flag);
    const ofCommand = OWN[command ?? ""]?.find(names);
    const option = ofCommand ?? GLOBAL_OPTIONS.find(names);
    if (option === undefined || flag.startsWith("<")) return undefined;
    const { name, takesValue } = formOf(option);
    if (attached !== undefined && !takesValue) return undefined;
    if (name.startsWith("no-")) continue; // accepted, and without any effect
    const value = takesValue ? attached ?? words.shift() : true;
    if (value === undefined || (typeof value === "string" && !isPlain(value, option))) {
      return undefined;
    }
    const key = name.replace(/-./g, (part) => part[1]!.toUpperCase());
    (ofCommand === undefined ? options : own)[key] = value;
  }
  return command === undefined ? undefined : { command, options, own } as PlainLine;
}

function formOf({ flags }: PlainOption): { readonly name: string; readonly takesValue: boolean } {
  return { name: /--([a-z-]+)/.exec(flags)![1]!, takesValue: flags.endsWith(">") };
}

/** A value that could be an option is left to the library. */
function isPlain(value: string, { choices }: PlainOption): boolean {
  return !value.startsWith("-") && (choices?.includes(value) ?? true);
}
