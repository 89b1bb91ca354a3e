/**
 * What a terminal shows, after as much of its language as our programs use: home, line feeds, clearing to
 * the end of line and screen, the other screen.
 */
export class Screen {
  /** Whether the other screen is shown. */
  isOther = false;
  /** Whether the cursor is shown. */
  hasCursor = true;
  /** Sequences that were not understood. */
  readonly unknown: string[] = [];
  /** A line that was wider than the screen, since the screen was cleared last. */
  tooWide: string | undefined;
  /** What stands on the main screen, as one text. */
  main = "";
  readonly #columns: () => number;
  #lines: string[] = [];
  #row = 0;
  #column = 0;
  #rest = "";

  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** Takes what a program has written. */
  write(text: string): void {
    // deno-lint-ignore no-control-regex
    const part = /\x1b\[([?\d;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+/gy;
    const input = this.#rest + text;
    let at = 0;
    for (let match = part.exec(input); match !== null; match = part.exec(input)) {
      at = part.lastIndex;
      const [whole, argument = "", order] = match;
      if (order !== undefined) this.#obey(argument, order);
      else this.#put(whole);
    }
    this.#rest = input.slice(at);
  }

  /** The lines of the other screen, without blanks at their ends. */
  get lines(): string[] {
    return this.#lines.map((line) => line.trimEnd());
  }

  #put(text: string): void {
    if (!this.isOther) this.main += text;
    else if (text === "\r") this.#column = 0;
    else if (text === "\n") this.#row++;
    else {
      if (this.#column + [...text].length > this.#columns()) this.tooWide = text;
      const line = (this.#lines[this.#row] ?? "").padEnd(this.#column);
      this.#lines[this.#row] = line.slice(0, this.#column) + text +
        line.slice(this.#column + text.length);
      this.#column += text.length;
    }
  }

  #obey(argument: string, order: string): void {
    switch (`${argument}${order}`) {
      case "?1049h":
        this.isOther = true;
        this.#lines = [];
        break;
      case "?1049l":
        this.isOther = false;
        break;
      case "?25h":
        this.hasCursor = true;
        break;
      case "?25l":
        this.hasCursor = false;
        break;
      case "H":
        this.#row = this.#column = 0;
        break;
      case "K":
        this.#lines[this.#row] = (this.#lines[this.#row] ?? "").slice(0, this.#column);
        break;
      case "J":
        this.#lines[this.#row] = (this.#lines[this.#row] ?? "").slice(0, this.#column);
        this.#lines.length = this.#row + 1;
        break;
      case "2J":
        this.tooWide = undefined;
        this.#lines = [];
        break;
      default:
        if (order !== "m") this.unknown.push(`${argument}${order}`);
    }
  }
}
