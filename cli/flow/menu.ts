import type { ControlState } from "../../lib/control/control_map.ts";
import {
  continueOnce,
  failOnce,
  type MapOrder,
  type OrderOptions,
  pauseAll,
} from "../../lib/control/map_order.ts";
import type { Key } from "../../lib/runtime/terminal/terminal_driver.ts";

/** A line of the menu. */
export interface MenuItem {
  /** What is typed for it. */
  readonly key: string;
  /** What it does. */
  readonly title: string;
}

/** The choices, as in Mender's example application, and one that fails the running update. */
export const MENU: readonly MenuItem[] = [
  { key: "0", title: "Pause on all states" },
  { key: "1", title: "Continue installing, once" },
  { key: "2", title: "Continue rebooting, once" },
  { key: "3", title: "Continue committing, once" },
  { key: "f", title: "Fail the running update" },
  { key: "q", title: "Quit" },
];

const CONTINUES: Readonly<Record<string, ControlState>> = {
  "1": "ArtifactInstall_Enter",
  "2": "ArtifactReboot_Enter",
  "3": "ArtifactCommit_Enter",
};

/** Where the menu stands. */
export interface Menu {
  /** Index of the item that Enter chooses when nothing is typed. */
  readonly selected: number;
  /** What is typed so far. */
  readonly typed: string;
  /** Whether an answer to "Fail the running update?" is awaited. */
  readonly isConfirming: boolean;
  /** About the last choice; empty when there is nothing to say. */
  readonly message: string;
}

/** What a key makes of the menu, and what has been chosen by it. */
export interface MenuStep {
  /** The menu after the key. */
  readonly menu: Menu;
  /** The order that is wanted now. */
  readonly order?: MapOrder;
  /** Whether to leave, and how. */
  readonly leave?: "quit" | "interrupt";
}

/** The menu at the beginning. */
export const FIRST_MENU: Menu = { selected: 0, typed: "", isConfirming: false, message: "" };

const MAX_TYPED = 20;

/** Takes a key: moves, types, chooses. */
export function pressKey(menu: Menu, key: Key, owner: OrderOptions): MenuStep {
  if ("character" in key) {
    if (key.character === "q" && menu.typed === "" && !menu.isConfirming) {
      return { menu, leave: "quit" };
    }
    const typed = (menu.typed + key.character).slice(0, MAX_TYPED);
    return { menu: { ...menu, typed, message: "" } };
  }
  switch (key.name) {
    case "interrupt":
      return { menu, leave: "interrupt" };
    case "end":
      return { menu, leave: "quit" };
    case "backspace":
      return { menu: { ...menu, typed: [...menu.typed].slice(0, -1).join("") } };
    case "up":
    case "down": {
      const step = key.name === "up" ? -1 : 1;
      const selected = (menu.selected + step + MENU.length) % MENU.length;
      return { menu: { ...menu, selected, typed: "", message: "", isConfirming: false } };
    }
    case "enter":
      return menu.isConfirming ? confirm(menu, owner) : choose(menu, owner);
  }
}

function choose(menu: Menu, owner: OrderOptions): MenuStep {
  const text = menu.typed.trim() === "" ? MENU[menu.selected]?.key ?? "" : menu.typed.trim();
  const at = MENU.findIndex(({ key }) => key === text);
  const idle: Menu = { ...menu, typed: "", message: "", selected: Math.max(at, 0) };
  if (at < 0) {
    return { menu: { ...idle, selected: menu.selected, message: `Unknown option: ${text}` } };
  }
  if (text === "q") return { menu: idle, leave: "quit" };
  if (text === "f") return { menu: { ...idle, isConfirming: true } };
  const state = CONTINUES[text];
  return {
    menu: idle,
    order: state === undefined ? pauseAll(owner) : continueOnce(state, owner),
  };
}

function confirm(menu: Menu, owner: OrderOptions): MenuStep {
  const idle: Menu = { ...menu, typed: "", isConfirming: false };
  if (!/^y(?:es)?$/i.test(menu.typed.trim())) {
    return { menu: { ...idle, message: "Nothing is failed" } };
  }
  return { menu: { ...idle, message: "" }, order: failOnce(owner) };
}
