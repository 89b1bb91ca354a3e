import type { GlobalOptions } from "./command_context.ts";
import type { DaemonCommandOptions } from "./commands/daemon.ts";
import { DAEMON_OPTIONS, GLOBAL_OPTIONS, type PlainOption } from "./plain_options.ts";

/** A command line of `daemon`. */
export interface DaemonLine {
  /** Options that every command takes. */
  readonly options: GlobalOptions;
  /** Its own. */
  readonly own: DaemonCommandOptions;
}

/**
 * Reads a command line of `daemon` without the CLI library, which would stay in the memory of a process that
 * runs for months.
 *
 * @returns `undefined` for every other line, and for one with anything in it that is not quite plain: then it
 * is the library that reads it, and that says what is wrong.
 */
export function readDaemonLine(args: readonly string[]): DaemonLine | undefined {
  const options: Record<string, unknown> = {};
  let hasCommand = false;
  const words = [...args];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "daemon" && !hasCommand) {
      hasCommand = true;
      continue;
    }
    const option = [...GLOBAL_OPTIONS, ...hasCommand ? DAEMON_OPTIONS : []]
      .find(({ flags }) => flags.split(/[ ,]+/).includes(word));
    if (option === undefined || word.startsWith("<")) return undefined;
    const { name, takesValue } = formOf(option);
    if (name.startsWith("no-")) continue; // accepted, and without any effect
    const value = takesValue ? words.shift() : true;
    if (value === undefined || (typeof value === "string" && !isPlain(value, option))) {
      return undefined;
    }
    options[name.replace(/-./g, (part) => part[1]!.toUpperCase())] = value;
  }
  if (!hasCommand) return undefined;
  const { once, stay, ...rest } = options as GlobalOptions & DaemonCommandOptions;
  return { options: rest, own: { ...(once && { once }), ...(stay && { stay }) } };
}

function formOf({ flags }: PlainOption): { readonly name: string; readonly takesValue: boolean } {
  return { name: /--([a-z-]+)/.exec(flags)![1]!, takesValue: flags.endsWith(">") };
}

/** A value that could be an option is left to the library. */
function isPlain(value: string, { choices }: PlainOption): boolean {
  return !value.startsWith("-") && (choices?.includes(value) ?? true);
}
