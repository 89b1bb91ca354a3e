/** The terminal of a program that draws its own screen and reads single keys. */
export interface Terminal {
  /** Columns and rows at present. */
  readonly size: { readonly columns: number; readonly rows: number };
  /** What is typed, in pieces as they come; see `keysIn()`. Ends when the terminal goes away. */
  readonly input: AsyncIterable<string>;
  /** Calls back when the size has changed, until the returned function is called. */
  onResize(listener: () => void): () => void;
  /** Writes text, with the sequences that the terminal obeys. */
  write(text: string): void;
  /** Gives the terminal back as it was; a second call does nothing. */
  close(): void;
}

/** A key that is no character. */
export type KeyName = "up" | "down" | "enter" | "backspace" | "interrupt" | "end";

const SEQUENCES: Readonly<Record<string, KeyName>> = {
  "\x1b[A": "up",
  "\x1bOA": "up",
  "\x1b[B": "down",
  "\x1bOB": "down",
  "\r": "enter",
  "\n": "enter",
  "\x7f": "backspace",
  "\b": "backspace",
  "\x03": "interrupt",
  "\x04": "end",
};

// deno-lint-ignore no-control-regex
const KEY = /\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|\x1b|\r\n|[^\x1b]/gu;

/** A key: its name, or the character that was typed. */
export type Key = { readonly name: KeyName } | { readonly character: string };

/** The keys in a piece of input. What has no meaning here (other sequences and controls) is left out. */
export function keysIn(input: string): Key[] {
  return [...input.matchAll(KEY)].flatMap(([text]): Key[] => {
    const name = SEQUENCES[text === "\r\n" ? "\r" : text];
    if (name !== undefined) return [{ name }];
    return /^\P{C}$/u.test(text) ? [{ character: text }] : [];
  });
}
