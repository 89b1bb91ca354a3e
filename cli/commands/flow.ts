import { UsageError } from "../../lib/core/errors.ts";
import type { OrderOptions } from "../../lib/control/map_order.ts";
import { pauseAll } from "../../lib/control/map_order.ts";
import type { UpdateFlow } from "../../lib/flow/update_flow.ts";
import { keysIn, type Terminal } from "../../lib/runtime/terminal/terminal_driver.ts";
import type { CommandContext } from "../command_context.ts";
import { type MapOwnerOptions, ownerFrom } from "../flow/map_source.ts";
import { FIRST_MENU, type Menu, pressKey } from "../flow/menu.ts";
import { openFlow } from "../flow/open_flow.ts";
import { type ScreenFacts, screenText } from "../flow/screen.ts";
import { farewellText } from "../flow/state_text.ts";
import { Interrupted } from "../interrupted.ts";
import { printable } from "../printable.ts";

/** Options of `flow`. */
export interface FlowOptions extends MapOwnerOptions {
  readonly clearOnExit?: true | undefined;
}

const TICK_MS = 1000;

/**
 * Controls updates from a terminal. At the beginning all states pause; what was chosen is kept in effect
 * while the menu is shown.
 */
export async function flow(context: CommandContext, options: FlowOptions): Promise<number> {
  const { drivers, signal } = context;
  const terminal = await drivers.self.openTerminal();
  if (terminal === undefined) {
    throw new UsageError("usage.no-terminal", "Cannot show the menu: this is no terminal", {
      hint: "Use flow set, which needs none",
    });
  }
  let control: UpdateFlow | undefined;
  let end: "quit" | "interrupt";
  try {
    const owner = await ownerFrom(context, options);
    control = openFlow(context, owner);
    control.replace(pauseAll(owner));
    end = await showMenu(context, terminal, control, owner);
  } finally {
    terminal.close();
    if (control !== undefined) await sayFarewell(context, control, options.clearOnExit === true);
  }
  if (end === "interrupt") throw signal.aborted ? signal.reason : new Interrupted("SIGINT");
  return 0;
}

/** Shows the menu until it is left, by a key or by a signal. */
async function showMenu(
  { drivers, signal }: CommandContext,
  terminal: Terminal,
  control: UpdateFlow,
  owner: OrderOptions,
): Promise<"quit" | "interrupt"> {
  const { clock, self } = drivers;
  const hasColor = (self.env("NO_COLOR") ?? "") === "";
  let menu: Menu = FIRST_MENU;
  let lastError: ScreenFacts["lastError"];
  let lastFrame = "";
  let cancelTick = (): void => {};

  const draw = (): void => {
    const facts = { owner, state: control.state, lastError, nowMs: clock.monotonic() };
    const frame = screenText(menu, facts, { ...terminal.size, hasColor });
    if (frame !== lastFrame) terminal.write(frame);
    lastFrame = frame;
  };
  const tick = (): void => {
    draw();
    cancelTick = clock.after(TICK_MS, tick);
  };
  const stopResize = terminal.onResize(() => {
    // What the terminal made of the old lines is its own affair.
    lastFrame = "";
    terminal.write("\x1b[2J");
    draw();
  });
  const states = control.states();
  const watching = (async () => {
    for await (const { reason } of states) {
      if (reason !== undefined) {
        const text = reason.hint === undefined
          ? reason.message
          : `${reason.message}. ${reason.hint}`;
        lastError = { text, atMs: clock.monotonic() };
      }
      draw();
    }
  })();
  // Ending the input ends the loop below.
  const onAbort = (): void => terminal.close();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    tick();
    for await (const piece of terminal.input) {
      for (const key of keysIn(piece)) {
        const step = pressKey(menu, key, owner);
        menu = step.menu;
        if (step.order !== undefined) control.replace(step.order);
        if (step.leave !== undefined) return step.leave;
      }
      draw();
    }
    // The terminal is gone, or a signal ends us.
    return signal.aborted ? "interrupt" : "quit";
  } finally {
    signal.removeEventListener("abort", onAbort);
    stopResize();
    cancelTick();
    await states.return?.();
    await watching;
  }
}

async function sayFarewell(
  { drivers }: CommandContext,
  control: UpdateFlow,
  clear: boolean,
): Promise<void> {
  const { state } = control;
  const cleared = await control.close({ clear });
  if (cleared !== undefined && cleared.type !== "accepted") throw cleared.reason;
  const text = cleared === undefined
    ? farewellText(state, drivers.clock.monotonic())
    : "The map is deleted";
  drivers.self.writeOut(printable(`${text}\n`));
}
