import {
  PATH_PLACEHOLDERS,
  placeholderOf,
  type TreeArgument,
  type TreeCommand,
  type TreeOption,
} from "../command_line.ts";

/** What can stand at a place: paths, a few words, or what nobody can guess. */
export type CompletionValue =
  | { readonly kind: "file" | "directory" | "anything" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** An option, for a shell. */
export interface CompletionOption {
  /** `--config` and `-c`. */
  readonly names: readonly string[];
  /** What it does, on one line. */
  readonly description: string;
  /** Its value; `undefined` when it takes none. */
  readonly value: CompletionValue | undefined;
}

/** A command, for a shell. */
export interface CompletionNode {
  /** Its name and those of the commands above it, each with a blank in front; the program is "". */
  readonly path: string;
  /** What it does, on one line. */
  readonly description: string;
  /** Its own name. */
  readonly name: string;
  /** Its own options; those of the program hold for every command. */
  readonly options: readonly CompletionOption[];
  /** What its arguments are; `undefined` when it takes none. */
  readonly argument: CompletionValue | undefined;
  /** The commands below it. */
  readonly commands: readonly CompletionNode[];
}

/** Names under which the program may be installed, and where in the tree each of them starts. */
export const PROGRAM_PATHS: Readonly<Record<string, string>> = {
  "mender-deno": "",
  "mender-python-client": "",
  "mender-update-flow-control": " flow",
};

const HELP: CompletionOption = {
  names: ["-h", "--help"],
  description: "show the help",
  value: undefined,
};

/** What a shell has to know of a command and all that is below it. */
export function completionNode(command: TreeCommand, above?: string): CompletionNode {
  const path = above === undefined ? "" : `${above} ${command.name()}`;
  const options = command.options.filter(({ hidden }) => !hidden).map(completionOption);
  const [argument] = command.registeredArguments;
  return {
    path,
    name: command.name(),
    description: oneLine(command.description()),
    options: above === undefined ? [...options, HELP] : options,
    argument: argument && valueOf(argument.name(), argument),
    commands: command.commands.filter(({ _hidden }) => _hidden !== true)
      .map((each) => completionNode(each, path)),
  };
}

/** A node and all below it. */
export function allNodes(node: CompletionNode): CompletionNode[] {
  return [node, ...node.commands.flatMap(allNodes)];
}

function completionOption(option: TreeOption): CompletionOption {
  const placeholder = placeholderOf(option);
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    description: oneLine(option.description),
    value: placeholder === undefined ? undefined : valueOf(placeholder, option),
  };
}

function valueOf(
  placeholder: string,
  { argChoices }: Pick<TreeOption | TreeArgument, "argChoices">,
): CompletionValue {
  if (argChoices !== undefined) return { kind: "words", words: argChoices };
  if (placeholder === "action") {
    return { kind: "words", words: ["continue", "force_continue", "pause", "fail"] };
  }
  if (placeholder === "dir") return { kind: "directory" };
  return { kind: PATH_PLACEHOLDERS.includes(placeholder) ? "file" : "anything" };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/**
 * A pattern of a shell's `case` for what was written before a word: the command, a blank, the option. The
 * options of the program stand behind any command.
 */
export function casePattern(path: string, name: string): string {
  return path === "" ? `*" ${name}"` : `"${path} ${name}"`;
}
