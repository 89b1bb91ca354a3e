/** A program that takes the terminal over and crashes. */
import { openNodeTerminal } from "../../lib/runtime/terminal/node_terminal.ts";

const terminal = openNodeTerminal();
terminal?.write("\x1b[Hready\x1b[K");
if (terminal !== undefined) {
  for await (const _key of terminal.input) {
    setTimeout(() => {
      throw new Error("a crash");
    }, 0);
  }
}
