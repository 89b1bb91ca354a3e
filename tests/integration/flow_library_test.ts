import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import {
  type ControllerState,
  isMenderError,
  parseControlMap,
  UpdateFlow,
  type UpdateFlowOptions,
} from "../../mod.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { letterId } from "../support/control_maps.ts";
import { ScriptedManager } from "../support/scripted_manager.ts";
import { busPeer, type BusRules, type SystemBus, withSystemBus } from "../support/system_bus.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const run = promisify(execFile);
const WAIT = { limitMs: 30_000 };

/** Runs a body with a flow on a bus of its own; what the states were is noted. */
function withFlow(
  options: UpdateFlowOptions & { rules?: BusRules },
  body: (parts: { bus: SystemBus; flow: UpdateFlow; seen: string[]; dir: string }) => Promise<void>,
): Promise<void> {
  return inTemporaryDirectory((dir) =>
    withSystemBus(dir, options.rules ?? {}, async (bus) => {
      const flow = await UpdateFlow.connect({
        address: bus.address,
        dataDirectory: dir,
        ...options,
      });
      const seen: string[] = [];
      const reading = (async () => {
        for await (const { name, reason } of flow.states()) {
          seen.push(reason === undefined ? name : `${name}: ${reason.code}`);
        }
      })();
      try {
        await body({ bus, flow, seen, dir });
      } finally {
        await flow.close();
        await reading;
      }
    })
  );
}

const install = (text: string): string | undefined =>
  parseControlMap(text).states.ArtifactInstall_Enter?.action;

test(
  "UpdateFlow holds, lets one pass, fails, and clears",
  () =>
    withFlow({}, async ({ bus, flow, dir }) => {
      const manager = await ScriptedManager.start(bus.address);
      const state: ControllerState = await flow.pauseAll(WAIT);
      assert.equal(state.name, "active");
      await flow.continueOnce("ArtifactInstall_Enter", WAIT);
      await flow.fail(WAIT);
      assert.equal((await flow.close({ clear: true }))?.type, "accepted");
      assert.deepEqual(manager.texts.map(install), ["pause", "continue", "fail", undefined]);
      const ids = new Set(manager.texts.map((text) => parseControlMap(text).id));
      assert.equal(ids.size, 1);
      // The ID is the device's: it is kept, and any user may read it.
      const path = join(dir, "control_map_id");
      assert.equal(statSync(path).mode & 0o777, 0o644);
      const again = await UpdateFlow.connect({ address: bus.address, dataDirectory: dir });
      await again.pauseAll(WAIT);
      assert.equal(parseControlMap(manager.texts.at(-1) ?? "").id, [...ids][0]);
      await again.close();
      await manager.stop();
    }),
  busPeer,
);

test(
  "UpdateFlow sets its map again at once when the client has restarted",
  () =>
    withFlow({ id: letterId("A") }, async ({ bus, flow, seen }) => {
      const first = await ScriptedManager.start(bus.address);
      await flow.pauseAll(WAIT);
      await first.stop();
      await waitUntil("the loss", () => seen.includes("lost: bus.service-unknown"));
      const second = await ScriptedManager.start(bus.address);
      await waitUntil("the map", () => second.texts.length === 1);
      await waitUntil("the word of it", () => seen.at(-1) === "active");
      await second.stop();
    }),
  busPeer,
);

test(
  "UpdateFlow comes back when the bus was restarted",
  () =>
    withFlow({ id: letterId("A") }, async ({ bus, flow, seen }) => {
      await ScriptedManager.start(bus.address); // ends with the bus
      await flow.pauseAll(WAIT);
      await bus.stop();
      await waitUntil("the loss", () => seen.includes("lost: bus.disconnected"));
      await waitUntil("an attempt", () => seen.some((line) => line.endsWith("bus.no-bus")), 30_000);
      await bus.start();
      const manager = await ScriptedManager.start(bus.address);
      await waitUntil("the map", () => manager.texts.length >= 1, 40_000);
      await waitUntil("the word of it", () => seen.at(-1) === "active");
      await manager.stop();
    }),
  busPeer,
);

test(
  "UpdateFlow is closed by what `await using` calls, and its map stays",
  () =>
    withFlow({ id: letterId("A") }, async ({ bus, flow, seen }) => {
      const manager = await ScriptedManager.start(bus.address);
      await flow.pauseAll(WAIT);
      const { length } = manager.texts;
      await flow[Symbol.asyncDispose]();
      await assert.rejects(flow.pauseAll(WAIT), /the flow is closed/);
      assert.equal(manager.texts.length, length);
      assert.equal(seen.at(-1), "active");
      await manager.stop();
    }),
  busPeer,
);

test(
  "UpdateFlow waits for a client that is not there yet, and throws its absence at its limit",
  () =>
    withFlow({ id: letterId("A") }, async ({ bus, flow }) => {
      await assert.rejects(
        flow.pauseAll({ limitMs: 500 }),
        (error) => isMenderError(error, "bus.service-unknown"),
      );
      const manager = await ScriptedManager.start(bus.address);
      await waitUntil("the order that stands", () => flow.state?.name === "active", 30_000);
      await manager.stop();
    }),
  busPeer,
);

test("UpdateFlow throws a refusal, and gets in once it is allowed", () =>
  withFlow({
    id: letterId("A"),
    rules: { policies: POLICY.replace("EFFECT", "deny") },
  }, async ({ bus, flow, seen }) => {
    const manager = await ScriptedManager.start(bus.address);
    await assert.rejects(
      flow.pauseAll(WAIT),
      (error) => isMenderError(error, "bus.access-denied"),
    );
    bus.write({ policies: POLICY.replace("EFFECT", "allow") });
    bus.reload();
    await waitUntil("the map", () => flow.state?.name === "active", 40_000);
    assert.ok(seen.includes("refused: bus.access-denied"));
    await manager.stop();
  }), busPeer);

const POLICY = `<policy context="default"><allow own="io.mender.UpdateManager"/>
  <EFFECT send_destination="io.mender.UpdateManager"/></policy>`;

test(
  "UpdateFlow refuses what belongs to another flow, and all once it is closed",
  () =>
    withFlow({ id: letterId("A") }, async ({ flow }) => {
      await assert.rejects(
        UpdateFlow.connect({ address: "tcp:host=localhost" }),
        (error) => isMenderError(error, "bus.bad-address"),
      );
      await flow.close();
      await assert.rejects(flow.pauseAll(), /closed/);
    }),
  busPeer,
);

test(
  "the example program runs",
  () =>
    inTemporaryDirectory((dir) =>
      withSystemBus(dir, {}, async (bus) => {
        const manager = await ScriptedManager.start(bus.address);
        const { self } = await hostDrivers();
        const [program = "", ...args] = self.selfCommand(
          new URL("../../scripts/examples/hold_updates.ts", import.meta.url),
          ["-A"],
        );
        const { stdout } = await run(program, args, {
          env: {
            ...process.env,
            DBUS_SYSTEM_BUS_ADDRESS: bus.address,
            MENDER_DATA: dir,
          },
        });
        assert.deepEqual(stdout.split("\n").filter((line) => !/^(pending|active)$/.test(line)), [
          "busy: updates are held",
          "one update may pass ArtifactInstall_Enter",
          "one update may pass ArtifactReboot_Enter",
          "one update may pass ArtifactCommit_Enter",
          "",
        ]);
        assert.deepEqual(manager.texts.map(install), [
          "pause",
          "continue",
          "pause",
          "pause",
          undefined,
        ]);
        await manager.stop();
      })
    ),
  busPeer,
);
