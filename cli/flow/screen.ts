import type { ControllerState } from "../../lib/control/map_controller.ts";
import type { OrderOptions } from "../../lib/control/map_order.ts";
import { LOCAL_PRIORITY } from "../../lib/control/map_order.ts";
import { durationText } from "../../lib/core/duration.ts";
import { printable } from "../printable.ts";
import { MENU, type Menu } from "./menu.ts";
import { actionsText } from "./state_text.ts";

/** What the screen shows beside the menu. */
export interface ScreenFacts {
  /** Whose map it is. */
  readonly owner: OrderOptions;
  /** Where the order stands. */
  readonly state: ControllerState | undefined;
  /** The last failure, and when it was: on the monotonic clock. */
  readonly lastError: { readonly text: string; readonly atMs: number } | undefined;
  /** Now, on the monotonic clock. */
  readonly nowMs: number;
}

/** How the screen may look. */
export interface ScreenStyle {
  /** Width. */
  readonly columns: number;
  /** Height. */
  readonly rows: number;
  /** Whether colours and bold letters are wanted. */
  readonly hasColor: boolean;
}

const BOLD = "1";
const COLORS = { active: "32", pending: "33", lost: "31", refused: "31" } as const;

/** Lines of the head, by their place in it, that with the most weight first: the state, the map. */
const MOST_WANTED = [3, 1, 5, 4, 0, 2, 6];

/** A line: its text, and how it is shown. */
type Line = readonly [text: string, sgr?: string];

/**
 * The whole screen as text for the terminal, from its upper left corner on. Lines are cut to the width; on
 * a low screen the menu stays, and of the lines above it those that matter most.
 */
export function screenText(menu: Menu, facts: ScreenFacts, style: ScreenStyle): string {
  const top = head(facts);
  const bottom = body(menu);
  const room = Math.max(style.rows - bottom.length, 0);
  const kept = MOST_WANTED.slice(0, room);
  const lines = [...top.filter((_, at) => kept.includes(at)), ...bottom].slice(0, style.rows);
  const shown = lines.map(([text, sgr]) => {
    const cut = cutTo(printable(text), style.columns);
    return style.hasColor && sgr !== undefined ? `\x1b[${sgr}m${cut}\x1b[0m` : cut;
  });
  return `\x1b[H${shown.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`;
}

function head({ owner, state, lastError, nowMs }: ScreenFacts): Line[] {
  const until = (atMs: number): string => durationText(atMs - nowMs);
  const refresh = state === undefined
    ? ""
    : state.armedUntilMs !== undefined
    ? `armed for ${until(state.armedUntilMs)}`
    : state.name === "active"
    ? `refresh in ${until(state.nextAtMs)}`
    : state.reason === undefined
    ? "being set"
    : `next attempt in ${until(state.nextAtMs)}`;
  return [
    ["Update control", BOLD],
    [`Map         ${state === undefined ? "none" : actionsText(state.map)}`],
    [`            ${owner.id}, priority ${owner.priority ?? LOCAL_PRIORITY}`],
    [
      `State       ${state?.name ?? "pending"}, ${refresh}`,
      state === undefined ? undefined : COLORS[state.name],
    ],
    [
      `On expiry   ${owner.onExpire ?? "continue"}${
        state?.expiresAtMs === undefined ? "" : `, in ${until(state.expiresAtMs)} if not refreshed`
      }`,
    ],
    [
      `Last error  ${
        lastError === undefined
          ? "none"
          : `${durationText(nowMs - lastError.atMs)} ago: ${lastError.text}`
      }`,
    ],
    [""],
  ];
}

function body(menu: Menu): Line[] {
  const items = MENU.map(({ key, title }, at): Line => {
    const isSelected = at === menu.selected && !menu.isConfirming;
    return [`${isSelected ? ">" : " "} ${key}  ${title}`, isSelected ? BOLD : undefined];
  });
  const question = menu.isConfirming
    ? "Fail the running update? Type yes and press Enter: "
    : "Choice: ";
  return [...items, [""], [`${question}${menu.typed}`], [menu.message]];
}

function cutTo(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns
    ? text
    : `${characters.slice(0, Math.max(columns - 1, 0)).join("")}\u2026`;
}
