import { UsageError } from "../lib/core/errors.ts";
import { nearestName } from "../lib/core/nearest_name.ts";
import type { TreeCommand } from "./command_line.ts";

/** A failure of the CLI library, as far as it matters here. */
export interface ParserFailure {
  /** `commander.unknownOption` and the like. */
  readonly code: string;
  /** `error: ...`, and a suggestion on a second line. */
  readonly message: string;
}

/** How the CLI library says it, and how we do. */
const WORDS: readonly (readonly [said: RegExp, shown: string])[] = [
  [
    /^option '(.+?)' argument '([^]*)' is invalid\. Allowed choices are (.*)\.$/,
    "option '$1': wanted one of $3, found '$2'",
  ],
  [
    /^command-argument value '([^]*)' is invalid for argument '(.+?)'\. Allowed choices are (.*)\.$/,
    "argument '$2': wanted one of $3, found '$1'",
  ],
  [
    /^too many arguments for '(.+?)'\. Expected (\d+) arguments? but got (\d+)\.$/,
    "too many arguments for '$1': wanted $2, found $3",
  ],
];

/**
 * What the CLI library says about a line, as an error like all others: `usage.unknown-option` and so on, with
 * the suggestion as its hint.
 */
export function usageErrorOf({ code, message }: ParserFailure): UsageError {
  const [said = "", suggestion] = message.replace(/^error: /, "").split("\n");
  const meant = /^\(Did you mean (.+)\?\)$/.exec(suggestion ?? "")?.[1];
  const words = WORDS.find(([pattern]) => pattern.test(said));
  const text = words === undefined ? said : said.replace(...words);
  return usageError(code.replace(/^commander\./, ""), text, meant);
}

/** A word where a command was wanted. */
export function unknownCommand(word: string, parent: TreeCommand): UsageError {
  const names = parent.commands.filter(({ _hidden }) => _hidden !== true).map((each) =>
    each.name()
  );
  return usageError("unknownCommand", `unknown command '${word}'`, nearestName(word, names));
}

function usageError(reason: string, text: string, meant: string | undefined): UsageError {
  const code = `usage.${reason.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const hint = meant === undefined
    ? "Add --help to see what can be given"
    : `Did you mean ${meant}?`;
  return new UsageError(code, text, { hint, retry: "never" });
}
