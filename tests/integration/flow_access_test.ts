import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { letterId } from "../support/control_maps.ts";
import { type FlowRig, withFlowRig } from "../support/flow_rig.ts";
import { asNobody, otherUserPeer } from "../support/other_user.ts";
import { ScriptedManager } from "../support/scripted_manager.ts";
import { busPeer } from "../support/system_bus.ts";
import { test } from "../support/test.ts";

const other = otherUserPeer();
const peers = other.skip === undefined ? busPeer : other;

/** What Mender's packages install as io.mender.UpdateManager.conf. */
const POLICY = `<policy user="root">
  <allow own="io.mender.UpdateManager"/>
  <allow send_destination="io.mender.UpdateManager"/>
  <allow receive_sender="io.mender.UpdateManager"/>
</policy>`;

const SET = ["set", "--once", "--id", letterId("A")];

/** Runs `flow` as the user nobody. */
function runAsNobody(
  rig: FlowRig,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const dir = join(rig.dir, "nobody");
  for (const path of [rig.dir, dir]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
  const [program = "", ...rest] = asNobody(dir, rig.command(...args));
  return new Promise((resolve) => {
    execFile(program, rest, { env: rig.env(), timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

test(
  "under Mender's policy root may set maps, and another user is told why it may not",
  () =>
    withFlowRig(async (rig) => {
      const manager = await ScriptedManager.start(rig.bus.address);
      assert.equal((await rig.run(SET)).stdout, "30\n");
      const { code, stdout, stderr } = await runAsNobody(rig, SET);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.equal(
        stderr,
        "Error: Cannot set the Update Control Map: this user may not call " +
          "io.mender.UpdateManager\n  Run as root, or allow the user in " +
          "/usr/share/dbus-1/system.d/io.mender.UpdateManager.conf\n",
      );
      assert.equal(manager.texts.length, 1);
      await manager.stop();
    }, { policies: POLICY }),
  peers,
);

test("a user who is allowed by the policy may set maps", () =>
  withFlowRig(async (rig) => {
    const manager = await ScriptedManager.start(rig.bus.address);
    const { code, stdout, stderr } = await runAsNobody(rig, SET);
    assert.deepEqual([code, stdout, stderr], [0, "30\n", ""]);
    await manager.stop();
  }, {
    policies: `${POLICY}<policy user="nobody">
      <allow send_destination="io.mender.UpdateManager"/></policy>`,
  }), peers);

test("nobody on the bus is told as such, to root and to others", () =>
  withFlowRig(async (rig) => {
    for (const { code, stderr } of [await rig.run(SET), await runAsNobody(rig, SET)]) {
      assert.equal(code, 1);
      assert.match(stderr, /nobody offers io\.mender\.UpdateManager on this D-Bus/);
      assert.match(stderr, /\n {2}Is a Mender client running, 2\.7 or newer and below 4/);
    }
  }, { policies: POLICY }), peers);
