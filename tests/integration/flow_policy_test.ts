import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import process from "node:process";
import { parseControlMap } from "../../lib/control/control_map_json.ts";
import { letterId, notedMap } from "../support/control_maps.ts";
import { type FlowRig, withFlowRig } from "../support/flow_rig.ts";
import { ScriptedManager } from "../support/scripted_manager.ts";
import { busPeer } from "../support/system_bus.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const ID = letterId("A");
const LIMIT_MS = 40_000;

function withPolicy(
  states: (rig: FlowRig) => Record<string, unknown>,
  body: (rig: FlowRig, manager: ScriptedManager, args: string[]) => Promise<void>,
): Promise<void> {
  return withFlowRig(async (rig) => {
    const manager = await ScriptedManager.start(rig.bus.address, () => 60);
    const file = rig.file("policy.json", JSON.stringify({ states: states(rig) }));
    await body(rig, manager, ["set", "--policy", file, "--id", ID]);
    await manager.stop();
  });
}

const maps = (manager: ScriptedManager) => manager.texts.map(parseControlMap);

test(
  "a window that is open all the time lets updates pass, one that is over holds them",
  () =>
    withPolicy(() => ({
      ArtifactInstall_Enter: { windows: [{ from: "00:00", to: "24:00" }] },
      ArtifactReboot_Enter: { windows: [{ date: "2099-01-01", from: "00:00", to: "24:00" }] },
    }), async (rig, manager, args) => {
      const never = await rig.run([...args, "--once"]);
      assert.equal(never.code, 2);
      assert.match(never.stderr, /states\.ArtifactReboot_Enter\.windows: none of them opens/);
      assert.deepEqual(manager.texts, []);
      const tomorrow = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10);
      rig.file(
        "policy.json",
        JSON.stringify({
          states: {
            ArtifactInstall_Enter: { windows: [{ from: "00:00", to: "24:00" }] },
            ArtifactReboot_Enter: { windows: [{ date: tomorrow, from: "00:00", to: "24:00" }] },
          },
        }),
      );
      assert.equal((await rig.run([...args, "--once"])).stdout, "60\n");
      assert.deepEqual(maps(manager), [notedMap("A-1:pause ome continue @reboot")]);
    }),
  busPeer,
);

test(
  "a command that exits with 0 lets updates pass, and holds them again when it fails",
  () =>
    withPolicy((rig) => {
      // Under the permission set of flow, programs take one more right; on Deno it is given here.
      const idle = join(rig.dir, "idle.sh");
      writeFileSync(idle, `#!/bin/sh\ntest -e ${rig.dir}/idle\n`);
      chmodSync(idle, 0o755);
      return { ArtifactInstall_Enter: { while: [idle] } };
    }, async (rig, manager, args) => {
      const running = rig.start(args, "", {}, ["--allow-run"]);
      const held = notedMap("A-1:pause ome continue");
      await waitUntil("the hold", () => manager.texts.length === 1, LIMIT_MS);
      writeFileSync(join(rig.dir, "idle"), "");
      await waitUntil("the release", () => manager.texts.length === 2, LIMIT_MS);
      rmSync(join(rig.dir, "idle"));
      await waitUntil("the hold again", () => manager.texts.length === 3, LIMIT_MS);
      running.kill("SIGTERM");
      const { code, stderr } = await running.ended;
      assert.equal(code, 0, stderr);
      assert.deepEqual(maps(manager), [held, notedMap("A-1:"), held]);
      assert.match(stderr, /install: held until its command succeeds/);
    }),
  busPeer,
);

test("a command that cannot be run holds updates, and is named", () =>
  withPolicy(
    () => ({ ArtifactInstall_Enter: { while: ["/no/such/program"] } }),
    async (rig, manager, args) => {
      const { code, stderr } = await rig.run([...args, "--once"], "", {}, ["--allow-run"]);
      assert.equal(code, 0, stderr);
      assert.deepEqual(maps(manager), [notedMap("A-1:pause ome continue")]);
    },
  ), busPeer);

test("a confirmation lets one update pass, and holds again", () =>
  withPolicy(() => ({
    ArtifactInstall_Enter: { confirm: true },
    ArtifactCommit_Enter: { confirm: true },
  }), async (rig, manager, args) => {
    const [program, ...rest] = rig.command(...args);
    const child = spawn(program, rest, { env: rig.env(), stdio: ["pipe", "pipe", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk) => stderr += String(chunk));
    child.stdout.resume();
    const ended = new Promise((resolve) => child.once("close", resolve));
    await waitUntil("the hold", () => manager.texts.length === 1, LIMIT_MS);
    child.stdin.write("whatever\ninstall\n");
    await waitUntil("the release", () => manager.texts.length === 2, LIMIT_MS);
    // A look at the policy follows; it is no reason to send anything.
    await waitUntil("the word", () => /Unknown confirmation: whatever/.test(stderr), LIMIT_MS);
    child.stdin.write("commit\n");
    await waitUntil("the other release", () => manager.texts.length === 3, LIMIT_MS);
    process.kill(child.pid!, "SIGTERM");
    child.stdin.end();
    assert.equal(await ended, 0, stderr);
    const actions = maps(manager).map(({ states }) =>
      `${states.ArtifactInstall_Enter?.action} ${states.ArtifactCommit_Enter?.action}`
    );
    // The first confirmation is used up when the second comes.
    assert.deepEqual(actions, ["pause pause", "continue pause", "pause continue"]);
  }), busPeer);

const wrong: [name: string, args: string[], policy: string, says: RegExp][] = [
  ["a policy that is no JSON", [], "pause", /policy\.json: Cannot use the policy: it is not JSON/],
  ["a policy and a map", ["map.json"], "{}", /--policy beside a map/],
  ["a policy and an action", ["--install", "pause"], "{}", /--install beside --policy/],
];

for (const [name, args, policy, says] of wrong) {
  test(`flow set refuses ${name}`, () =>
    withPolicy(() => ({}), async (rig, manager, base) => {
      rig.file("policy.json", policy);
      const { code, stderr } = await rig.run([...base, ...args]);
      assert.equal(code, 2);
      assert.match(stderr, says);
      assert.deepEqual(manager.texts, []);
    }), busPeer);
}
