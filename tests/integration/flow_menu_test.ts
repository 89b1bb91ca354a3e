import assert from "node:assert/strict";
import process from "node:process";
import { parseControlMap } from "../../lib/control/control_map_json.ts";
import type { ControlMap } from "../../lib/control/control_map.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { withFlowRig } from "../support/flow_rig.ts";
import { PseudoTerminal, terminalPeer } from "../support/pseudo_terminal.ts";
import { ScriptedManager } from "../support/scripted_manager.ts";
import { busPeer } from "../support/system_bus.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const peers = terminalPeer.skip === undefined ? busPeer : terminalPeer;

function withMenu(
  body: (terminal: PseudoTerminal, manager: ScriptedManager) => Promise<void>,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  return withFlowRig(async (rig) => {
    const manager = await ScriptedManager.start(rig.bus.address, () => 60);
    await rig.inTerminal(args, async (terminal) => {
      await terminal.shows(/^State {7}active/);
      await body(terminal, manager);
    }, env);
    await manager.stop();
  });
}

const last = (manager: ScriptedManager): ControlMap => parseControlMap(manager.texts.at(-1) ?? "");
const actions = (manager: ScriptedManager): string =>
  Object.values(last(manager).states).map(({ action }) => action).join(" ");

/** The terminal is as a shell wants it. */
function assertClean(terminal: PseudoTerminal): void {
  assert.equal(terminal.screen.isOther, false);
  assert.equal(terminal.screen.hasCursor, true);
  assert.deepEqual(terminal.screen.unknown, []);
}

test(
  "the menu pauses everything at first, and shows map, state, refresh and error on 80 by 24",
  () =>
    withMenu(async (terminal, manager) => {
      assert.equal(actions(manager), "pause pause pause");
      const { lines } = terminal.screen;
      assert.equal(lines[1], "Map         install pause, reboot pause, commit pause");
      assert.match(lines[2] ?? "", /^ {12}[0-9a-f-]{36}, priority -1$/);
      assert.match(lines[3] ?? "", /^State {7}active, refresh in 5\d s$/);
      assert.match(lines[4] ?? "", /^On expiry {3}continue, in 1\d\d s if not refreshed$|min/);
      assert.equal(lines[5], "Last error  none");
      assert.deepEqual(lines.slice(7, 13), [
        "> 0  Pause on all states",
        "  1  Continue installing, once",
        "  2  Continue rebooting, once",
        "  3  Continue committing, once",
        "  f  Fail the running update",
        "  q  Quit",
      ]);
      assert.ok(lines.length <= 24);
      // It counts down in place.
      const before = lines[3];
      await terminal.shows(/^State {7}active, refresh in 5[0-3] s/);
      assert.notEqual(terminal.screen.lines[3], before);
      terminal.type("q");
      assert.equal(await terminal.ended, 0);
      assertClean(terminal);
      assert.match(
        terminal.screen.main,
        /The map expires in \d+ .*, then: install continue, reboot/,
      );
    }),
  peers,
);

test(
  "typed digits, arrows and Enter choose; an unknown choice is named",
  () =>
    withMenu(async (terminal, manager) => {
      terminal.type("1\r");
      await terminal.shows(/^Map {9}install continue once, then pause, reboot pause, commit pause/);
      await terminal.shows(/^State {7}active, armed for 5\d s/);
      assert.equal(actions(manager), "continue pause pause");
      terminal.type("\x1b[B\r"); // from the chosen 1 to 2
      await waitUntil("the choice", () => actions(manager) === "pause continue pause");
      terminal.type("3\r");
      await waitUntil("the choice", () => actions(manager) === "pause pause continue");
      terminal.type("0\r");
      await waitUntil("the choice", () => actions(manager) === "pause pause pause");
      const sent = manager.texts.length;
      terminal.type("x\r");
      await terminal.shows(/^Unknown option: x$/);
      terminal.type("10\x7f\x7f42\r");
      await terminal.shows(/^Unknown option: 42$/);
      assert.equal(manager.texts.length, sent);
      terminal.type("q\r");
      assert.equal(await terminal.ended, 0);
      assertClean(terminal);
    }),
  peers,
);

test(
  "failing the running update takes a confirmation",
  () =>
    withMenu(async (terminal, manager) => {
      terminal.type("f\r");
      await terminal.shows(/^Fail the running update\?/);
      terminal.type("\r");
      await terminal.shows(/^Nothing is failed$/);
      assert.equal(actions(manager), "pause pause pause");
      terminal.type("f\r");
      await terminal.shows(/^Fail the running update\?/);
      terminal.type("yes\r");
      await waitUntil("the failure", () => actions(manager) === "fail fail fail");
      terminal.type("q");
      assert.equal(await terminal.ended, 0);
    }),
  peers,
);

test(
  "the screen follows the size of the terminal, and no line is too wide",
  () =>
    withMenu(async (terminal) => {
      terminal.resize(30, 11);
      await terminal.shows(/^Map {9}install pause, re…$/);
      await waitUntil("the low screen", () => terminal.screen.lines.length === 11);
      assert.equal(terminal.screen.tooWide, undefined);
      assert.ok(terminal.screen.lines.some((line) => line.startsWith("State       active")));
      assert.ok(terminal.screen.lines.includes("> 0  Pause on all states"));
      terminal.resize(100, 40);
      await terminal.shows(/^Map {9}install pause, reboot pause, commit pause$/);
      terminal.type("q");
      assert.equal(await terminal.ended, 0);
      assertClean(terminal);
    }),
  peers,
);

test("Ctrl-C leaves a clean terminal, and ends with 130", () =>
  withMenu(async (terminal) => {
    assert.match(terminal.modes(), /-icanon/);
    terminal.type("\x03");
    assert.equal(await terminal.ended, 130);
    assertClean(terminal);
    assert.match(terminal.screen.main, /The map expires in/);
  }), peers);

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  test(`${signal} leaves a clean terminal, and ends with 130`, () =>
    withMenu(async (terminal) => {
      process.kill(terminal.pid, signal);
      assert.equal(await terminal.ended, 130);
      assertClean(terminal);
    }), peers);
}

test("a crash leaves a clean terminal", async () => {
  const { self } = await hostDrivers();
  const module = new URL("../support/crashing_terminal.ts", import.meta.url);
  const terminal = new PseudoTerminal(self.selfCommand(module, ["-A"]), {
    ...process.env,
    TERM: "xterm",
    NO_COLOR: "1",
  });
  try {
    await terminal.shows(/^ready$/);
    terminal.type("x");
    assert.notEqual(await terminal.ended, 0);
    assertClean(terminal);
    // What the runtime tells of it is not wiped away with the other screen.
    assert.match(terminal.screen.main, /a crash/);
  } finally {
    await terminal.close();
  }
}, terminalPeer);

test("--clear-on-exit deletes the map", () =>
  withMenu(async (terminal, manager) => {
    terminal.type("q");
    assert.equal(await terminal.ended, 0);
    assert.deepEqual(last(manager).states, {});
    assert.match(terminal.screen.main, /The map is deleted/);
  }, ["--clear-on-exit"]), peers);

test(
  "the menu tells of a client that is lost, and goes on when it is back",
  () =>
    withFlowRig(async (rig) => {
      const first = await ScriptedManager.start(rig.bus.address, () => 60);
      await rig.inTerminal([], async (terminal) => {
        await terminal.shows(/^State {7}active/);
        await first.stop();
        await terminal.shows(/^State {7}lost, next attempt in/);
        await terminal.shows(/^Last error {2}\d+ s ago: (Cannot|The Mender client)/);
        const second = await ScriptedManager.start(rig.bus.address, () => 60);
        await terminal.shows(/^State {7}active/);
        await second.stop();
      });
    }),
  peers,
);

test("colours are shown unless NO_COLOR is set", () =>
  withMenu(
    async (terminal) => {
      assert.ok(terminal.output.includes("\x1b[32mState       active"));
      terminal.type("q");
      await terminal.ended;
    },
    [],
    { NO_COLOR: "" },
  ), peers);

test(
  "a terminal that cannot be drawn on, and none at all, end with 2 and name flow set",
  () =>
    withFlowRig(async (rig) => {
      const { code, stderr } = await rig.run([]);
      assert.equal(code, 2);
      assert.equal(
        stderr,
        "Error: Cannot show the menu: this is no terminal\n  Use flow set, which needs none\n",
      );
      await rig.inTerminal([], async (terminal) => {
        assert.equal(await terminal.ended, 2);
      }, { TERM: "dumb" });
    }),
  peers,
);
