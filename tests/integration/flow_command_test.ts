import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { controlMapText, parseControlMap } from "../../lib/control/control_map_json.ts";
import type { Ended } from "../support/client_rig.ts";
import { letterId, notedMap } from "../support/control_maps.ts";
import { type FlowRig, type RunningFlow, withFlowRig } from "../support/flow_rig.ts";
import { ScriptedManager } from "../support/scripted_manager.ts";
import { busPeer } from "../support/system_bus.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const ID = letterId("A");

/** Runs a body with a rig and a client on its bus. */
function withClient(
  body: (rig: FlowRig, manager: ScriptedManager) => Promise<void>,
  handler: (text: string) => number = () => 30,
): Promise<void> {
  return withFlowRig(async (rig) => {
    const manager = await ScriptedManager.start(rig.bus.address, handler);
    await body(rig, manager);
    await manager.stop();
  });
}

const json = (line: string | undefined): Record<string, unknown> => JSON.parse(line ?? "");
const lines = (text: string): string[] => text.split("\n").filter((line) => line !== "");

/** Waits until a running command has told a state in JSON. */
function toldState(running: RunningFlow, state: string): Promise<unknown> {
  return waitUntil(
    `the state ${state}`,
    () => lines(running.wrote.stdout).some((line) => json(line).state === state),
    30_000,
  );
}

test(
  "flow set --once sets a map under the permission set, and prints the refresh timeout",
  () =>
    withClient(async (rig, manager) => {
      const { code, stdout, stderr } = await rig.run(["set", "--once"]);
      assert.deepEqual([code, stdout, stderr], [0, "30\n", ""]);
      const map = parseControlMap(manager.texts[0] ?? "");
      assert.equal(`${map.id}\n`, readFileSync(rig.idPath, "utf8"));
      assert.deepEqual(map, { ...notedMap("A-1:pause ome continue @all"), id: map.id });
      const again = await rig.run(["set", "--once", "--json"]);
      assert.deepEqual(json(again.stdout), { refresh_timeout: 30 });
      assert.equal(parseControlMap(manager.texts[1] ?? "").id, map.id);
    }),
  busPeer,
);

const described: [args: string[], notation: string][] = [
  [["--install", "pause"], "A-1:pause ome continue"],
  [["--commit", "force_continue", "--priority", "10"], "A10:force_continue ome continue @commit"],
  [["--install", "pause", "--on-expire", "fail"], "A-1:pause ome fail"],
  [["--reboot", "continue", "--after", "pause"], "A-1:continue ome continue oae pause @reboot"],
  [["--priority", "-10", "--on-expire", "force_continue"], "A-10:pause ome force_continue @all"],
];

for (const [args, notation] of described) {
  test(`flow set ${args.join(" ")} sets ${notation}`, () =>
    withClient(async (rig, manager) => {
      const { code } = await rig.run(["set", "--once", "--id", ID, ...args]);
      assert.equal(code, 0);
      assert.deepEqual(parseControlMap(manager.texts[0] ?? ""), notedMap(notation));
      // The device's own ID was not needed.
      assert.equal(existsSync(rig.idPath), false);
    }), busPeer);
}

test(
  "flow set takes a map from a file and from standard input",
  () =>
    withClient(async (rig, manager) => {
      const map = notedMap("B3:fail oae pause @commit");
      const path = rig.file("map.json", controlMapText(map));
      for (const [file, input] of [[path, ""], ["-", controlMapText(map)]] as const) {
        const { code, stderr } = await rig.run(["set", file, "--once"], input);
        assert.deepEqual([code, stderr], [0, ""]);
      }
      assert.deepEqual(manager.texts.map(parseControlMap), [map, map]);
    }),
  busPeer,
);

test(
  "flow set keeps a map in effect until it is interrupted, and says what follows",
  () =>
    withClient(async (rig, manager) => {
      const running = rig.start(["set", "--id", ID]);
      await waitUntil("three refreshes", () => manager.texts.length > 3, 30_000);
      running.kill("SIGINT");
      const { code, stderr } = await running.ended;
      assert.equal(code, 130);
      assert.match(
        stderr,
        /In effect: install pause, reboot pause, commit pause; set again in \d s/,
      );
      assert.match(stderr, /The map expires in \d s, then: install continue, reboot continue/);
      assert.equal(lines(stderr).length, 3, stderr);
    }, () => 1),
  busPeer,
);

test(
  "flow set ends with 0 when a service manager stops it",
  () =>
    withClient(async (rig, manager) => {
      const running = rig.start(["set", "--id", ID, "--clear-on-exit"]);
      await waitUntil("the map", () => manager.texts.length > 0, 30_000);
      running.kill("SIGTERM");
      assert.equal((await running.ended).code, 0);
      assert.deepEqual(parseControlMap(manager.texts.at(-1) ?? ""), notedMap("A-1:"));
    }),
  busPeer,
);

test(
  "flow set --for ends by itself, and --clear-on-exit deletes the map then",
  () =>
    withClient(async (rig, manager) => {
      const { code, stdout } = await rig.run([
        ...["set", "--id", ID, "--for", "1s", "--clear-on-exit", "--json"],
      ]);
      assert.equal(code, 0);
      assert.deepEqual(lines(stdout).map((line) => json(line).state), ["pending", "active"]);
      assert.deepEqual(
        manager.texts.map(parseControlMap),
        [notedMap("A-1:pause ome continue @all"), notedMap("A-1:")],
      );
    }),
  busPeer,
);

test(
  "flow set sends a one-time continue once, however often it refreshes",
  () =>
    withClient(async (rig, manager) => {
      const running = rig.start([
        ...["set", "--id", ID, "--install", "continue", "--after", "pause", "--json"],
      ]);
      await waitUntil("three refreshes", () => manager.texts.length > 3, 30_000);
      running.kill("SIGTERM");
      const { stdout } = await running.ended;
      const [first, ...rest] = manager.texts.map(parseControlMap);
      assert.deepEqual(first, notedMap("A-1:continue ome continue oae pause"));
      for (const map of rest) assert.deepEqual(map, notedMap("A-1:pause ome continue"));
      const told = lines(stdout).map(json);
      assert.ok(told.some((line) => line.state === "active" && line.armed_for_s !== undefined));
    }, () => 1),
  busPeer,
);

test(
  "flow set tells of a client that is lost, and sets its map at once when it is back",
  () =>
    withFlowRig(async (rig) => {
      const first = await ScriptedManager.start(rig.bus.address);
      const running = rig.start(["set", "--id", ID, "--json"]);
      await toldState(running, "active");
      await first.stop();
      await toldState(running, "lost");
      const second = await ScriptedManager.start(rig.bus.address);
      await waitUntil("the map", () => second.texts.length > 0, 30_000);
      running.kill("SIGTERM");
      const { stdout } = await running.ended;
      const lost = lines(stdout).map(json).find(({ state }) => state === "lost");
      assert.equal(lost?.code, "bus.service-unknown");
      await second.stop();
    }),
  busPeer,
);

test(
  "flow clear deletes the map of the device, and another by its ID and priority",
  () =>
    withClient(async (rig, manager) => {
      await rig.run(["set", "--once"]);
      const { code, stdout } = await rig.run(["clear"]);
      const { id } = parseControlMap(manager.texts[0] ?? "");
      assert.deepEqual([code, stdout], [0, `Cleared: the map ${id} with priority -1\n`]);
      assert.deepEqual(parseControlMap(manager.texts[1] ?? ""), { id, priority: -1, states: {} });
      const other = await rig.run(["clear", "--id", ID, "--priority", "5", "--json"]);
      assert.deepEqual(json(other.stdout), { cleared: { id: ID, priority: 5 } });
      assert.deepEqual(parseControlMap(manager.texts[2] ?? ""), notedMap("A5:"));
    }),
  busPeer,
);

test("flow check prints what maps say together, without a bus", () =>
  withFlowRig(async (rig) => {
    await rig.bus.stop();
    const one = rig.file("1.json", controlMapText(notedMap("A0:continue oae pause")));
    const two = rig.file("2.json", controlMapText(notedMap("B-1:fail ome continue @all")));
    const { code, stdout, stderr } = await rig.run(["check", one, two]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(lines(stdout), [
      `${letterId("A")}  priority 0: install continue once, then pause`,
      `${letterId("B")}  priority -1: install fail, reboot fail, commit fail`,
      "                       now       asked again  expired",
      "ArtifactInstall_Enter  fail      pause        continue",
      "ArtifactReboot_Enter   fail      fail         continue",
      "ArtifactCommit_Enter   fail      fail         continue",
    ]);
    const asJson = json((await rig.run(["check", "--json", one])).stdout);
    assert.deepEqual((asJson.states as Record<string, unknown>).ArtifactInstall_Enter, {
      action: "continue",
      again: "pause",
      expired: "continue",
    });
  }), busPeer);

test("flow check names the fault of every map, and ends with 1", () =>
  withFlowRig(async (rig) => {
    const good = rig.file("good.json", controlMapText(notedMap("A0:pause")));
    const bad = rig.file("bad.json", `{"id":"${ID}","priority":11}`);
    const { code, stdout, stderr } = await rig.run(["check", good, bad, "-"], "{");
    assert.deepEqual([code, stdout], [1, ""]);
    assert.deepEqual(lines(stderr).map((line) => line.replace(/\/.*\//, "")), [
      "Error: bad.json: Cannot use the Update Control Map: priority: wanted a whole number " +
      "from -10 to 10, found 11",
      "Error: Cannot use the Update Control Map: it is not JSON: line 1, column 2: " +
      "the text ends where text in double quotes was wanted",
    ]);
  }), busPeer);

/** What is refused before anything is sent. */
const wrong: [name: string, args: string[], input: string, says: RegExp][] = [
  ["no JSON", ["-"], "pause", /it is not JSON: line 1, column 1/],
  ["empty input", ["-"], "", /standard input is empty/],
  ["1 MB of input", ["-"], " ".repeat(1 << 20), /standard input: it is larger than 65536 bytes/],
  ["an ID that is no UUID", ["--id", "x"], "", /id: wanted a UUID, found "x"/],
  ["priority 11", ["--priority", "11"], "", /priority: wanted .* -10 to 10, found 11/],
  ["priority 1.5", ["--priority", "1.5"], "", /priority: wanted .* found "1\.5"/],
  ["an unknown action", ["--install", "stop"], "", /--install: "stop" is not one of continue/],
  ["pause on expiry", ["--on-expire", "pause"], "", /--on-expire: "pause" is not one of/],
  ["--after alone", ["--after", "pause"], "", /--after without an action/],
  ["a map and an action", ["-", "--install", "pause"], "{}", /--install beside a map/],
  ["a map and an ID", ["-", "--id", ID], "{}", /--id beside a map/],
  ["a file that is not there", ["/no/such/map.json"], "", /Cannot read \/no\/such\/map\.json/],
  ["--once and --for", ["--once", "--for", "5s"], "", /--for beside --once/],
  ["--once and --clear-on-exit", ["--once", "--clear-on-exit"], "", /--clear-on-exit beside/],
  ["a time that is none", ["--for", "soon"], "", /--for "soon": wanted a duration/],
  ["an unknown option", ["--forever"], "", /unknown option '--forever'/],
  ["two maps", ["a.json", "b.json"], "", /too many arguments/],
];

for (const [name, args, input, says] of wrong) {
  test(
    `flow set refuses ${name} with one line and code 2, and sets nothing`,
    () =>
      withClient(async (rig, manager) => {
        assertRefused(await rig.run(["set", ...args], input), 2, says);
        assert.deepEqual(manager.texts, []);
        assert.equal(existsSync(rig.idPath), false);
      }),
    busPeer,
  );
}

function assertRefused({ code, stdout, stderr }: Ended, wanted: number, says: RegExp): void {
  assert.equal(code, wanted, stderr);
  assert.equal(stdout, "");
  const [first = "", ...rest] = lines(stderr);
  assert.match(first, says);
  assert.match(first, /^Error: /);
  // One line, and perhaps what to do about it.
  assert.ok(
    rest.length <= 1 && rest.every((line) => /^(?: {2}|\(Did you mean)/.test(line)),
    stderr,
  );
  assert.ok(stderr.length < 500, stderr);
}

test(
  "without a bus, and without a client, flow set --once and clear end with 1 and say which",
  () =>
    withFlowRig(async (rig) => {
      for (const args of [["set", "--once"], ["clear"]]) {
        assertRefused(await rig.run(args), 1, /nobody offers io\.mender\.UpdateManager/);
      }
      await rig.bus.stop();
      for (const args of [["set", "--once"], ["clear"]]) {
        assertRefused(
          await rig.run(args),
          1,
          /Cannot reach the D-Bus at unix:path=.*nobody listens/,
        );
      }
      const address = { DBUS_SYSTEM_BUS_ADDRESS: "tcp:host=localhost,port=1" };
      assertRefused(
        await rig.run(["set", "--once"], "", address),
        1,
        /Cannot use the D-Bus address/,
      );
    }),
  busPeer,
);

test(
  "a map that the client refuses is told with the client's reason",
  () =>
    withClient(async (rig) => {
      const result = await rig.run(["set", "--once"]);
      assertRefused(result, 1, /Cannot set the Update Control Map: not this one/);
    }, () => {
      throw new Error("not this one");
    }),
  busPeer,
);

test(
  "flow set --for ends with 1 when its map never came into effect",
  () =>
    withFlowRig(async (rig) => {
      const { code, stderr } = await rig.run(["set", "--id", ID, "--for", "1s"]);
      assert.equal(code, 1);
      assert.match(stderr, /Not confirmed: .*nobody offers/);
      assert.match(lines(stderr).at(-2) ?? "", /^Error: Cannot set the Update Control Map/);
    }),
  busPeer,
);

test(
  "flow set without permission for the socket names the flags that permit it",
  () =>
    withFlowRig(async (rig) => {
      const elsewhere = { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/elsewhere/bus" };
      const result = await rig.run(["set", "--once"], "", elsewhere);
      assertRefused(result, 1, /Cannot reach the D-Bus at unix:path=\/elsewhere\/bus/);
      if ("Deno" in globalThis) assert.match(result.stderr, /--allow-net=unix:\/elsewhere\/bus/);
    }),
  busPeer,
);
