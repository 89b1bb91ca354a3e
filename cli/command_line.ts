/**
 * The tree of commands as everything beside the parser sees it: what a command line says, for the
 * permissions that it needs; and what could be said, for completions and the manual page.
 *
 * @module
 */

/** An option, as the CLI library has it. */
export interface TreeOption {
  /** As it is shown: `-c, --config <file>`. */
  readonly flags: string;
  /** Its short name, `-c`. */
  readonly short?: string | undefined;
  /** Its long name, `--config`. */
  readonly long?: string | undefined;
  /** What it does. */
  readonly description: string;
  /** The values that it takes, when they are few. */
  readonly argChoices?: readonly string[] | undefined;
  /** What holds when it is not given. */
  readonly defaultValue?: unknown;
  /** Whether help does not show it. */
  readonly hidden: boolean;
  /** Its name among the values. */
  attributeName(): string;
}

/** An argument, as the CLI library has it. */
export interface TreeArgument {
  /** What it does. */
  readonly description: string;
  /** Whether it must be given. */
  readonly required: boolean;
  /** Whether it takes all words that are left. */
  readonly variadic: boolean;
  /** The values that it takes, when they are few. */
  readonly argChoices?: readonly string[] | undefined;
  /** Its name. */
  name(): string;
}

/** A command, as the CLI library has it. */
export interface TreeCommand {
  /** The command that it is part of. */
  readonly parent: TreeCommand | null;
  /** Its parts. */
  readonly commands: readonly TreeCommand[];
  /** Its options. */
  readonly options: readonly TreeOption[];
  /** Its arguments. */
  readonly registeredArguments: readonly TreeArgument[];
  /** Whether help does not show it; the CLI library has no other name for that. */
  readonly _hidden?: boolean;
  /** Values of the arguments, once a line was parsed. */
  readonly processedArgs: readonly unknown[];
  /** Its name. */
  name(): string;
  /** What it does. */
  description(): string;
  /** The value of an option, once a line was parsed. */
  getOptionValue(key: string): unknown;
}

/** A value on a command line, and what it stands for. */
export interface CommandLineValue {
  /** The option (`--dir`), or `undefined` for an argument. */
  readonly option: string | undefined;
  /** What is in the brackets of its usage: `file`, `dir`, `host:port` ... */
  readonly placeholder: string;
  /** The value. */
  readonly value: string;
}

/** A command line that was understood, but not run. */
export interface CommandLine {
  /** Name of the command; for `flow set` it is `flow`. */
  readonly command: string;
  /** What of it: `set` of `flow set`. */
  readonly part?: string;
  /** Every value that was given, or is a default. */
  readonly values: readonly CommandLineValue[];
}

/** Placeholders that stand for a path. */
export const PATH_PLACEHOLDERS: readonly string[] = ["file", "dir", "pem", "map"];

/** What stands in the brackets of an option's usage; `undefined` for one without a value. */
export function placeholderOf(option: TreeOption): string | undefined {
  return /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1];
}

/** What was parsed of a line; `undefined` when it names no command. */
export function commandLineOf(command: TreeCommand): CommandLine | undefined {
  const values: CommandLineValue[] = [];
  const add = (option: string | undefined, placeholder: string, value: unknown): void => {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (typeof each === "string") values.push({ option, placeholder, value: each });
    }
  };
  const path: string[] = [];
  for (let each: TreeCommand | null = command; each !== null; each = each.parent) {
    path.unshift(each.name());
    for (const option of each.options) {
      const placeholder = placeholderOf(option);
      if (placeholder === undefined) continue;
      add(option.long, placeholder, each.getOptionValue(option.attributeName()));
    }
  }
  command.registeredArguments.forEach((argument, at) =>
    add(undefined, argument.name(), command.processedArgs[at])
  );
  const [, name, part] = path;
  if (name === undefined) return undefined;
  return { command: name, ...(part !== undefined && { part }), values };
}
