import assert from "node:assert/strict";
import { CONTROL_STATES, type ControlState } from "../../lib/control/control_map.ts";
import { orderActions } from "../../lib/control/map_order.ts";
import type { ControllerState } from "../../lib/control/map_controller.ts";
import { AuthenticationManagerClient } from "../../lib/dbus/authentication_manager_client.ts";
import { UpdateFlow, type UpdateFlowOptions } from "../../lib/flow/update_flow.ts";
import { letterId } from "../support/control_maps.ts";
import { FlowRig } from "../support/flow_rig.ts";
import { menderPeer } from "../support/mender_namespace.ts";
import { terminalPeer } from "../support/pseudo_terminal.ts";
import { busPeer } from "../support/system_bus.ts";
import { test } from "../support/test.ts";
import { type UpdateRig, type UpdateRigOptions, withUpdateRig } from "../support/update_rig.ts";
import { waitUntil } from "../support/wait.ts";

const found = [menderPeer(), busPeer, terminalPeer].find(({ skip }) => skip !== undefined) ?? {};
const LIMIT = { ...found, limitMs: 400_000 };
const WAIT = { limitMs: 30_000 };
const LONG = { lifeSeconds: 600 };
const ID = letterId("A");

/** What Mender's packages install on a system bus, for both of its names. */
const MENDER_POLICY = ["io.mender.UpdateManager", "io.mender.AuthenticationManager"].map((name) =>
  `<policy user="root"><allow own="${name}"/><allow send_destination="${name}"/>
   <allow receive_sender="${name}"/></policy>`
).join("\n");

/** Runs a body with the real client under the real policy, and a flow that controls it. */
function withControl(
  options: UpdateRigOptions,
  body: (rig: UpdateRig, flow: UpdateFlow, seen: ControllerState[]) => Promise<void>,
  flowOptions: UpdateFlowOptions = {},
): Promise<void> {
  return withUpdateRig({ rules: { policies: MENDER_POLICY }, ...options }, async (rig) => {
    const flow = await UpdateFlow.connect({ address: rig.bus.address, id: ID, ...flowOptions });
    const seen: ControllerState[] = [];
    const reading = (async () => {
      for await (const state of flow.states()) seen.push(state);
    })();
    try {
      await body(rig, flow, seen);
    } finally {
      await flow.close();
      await reading;
    }
  });
}

const HELD: readonly (readonly [state: ControlState, status: string])[] = [
  ["ArtifactInstall_Enter", "pause_before_installing"],
  ["ArtifactReboot_Enter", "pause_before_rebooting"],
  ["ArtifactCommit_Enter", "pause_before_committing"],
];

for (const client of ["mender 3.4", "our daemon"] as const) {
  test(
    `${client} is held at each of the points, and let go by the continue for it`,
    () =>
      withControl({ ...LONG, client }, async (rig, flow) => {
        await flow.pauseAll(WAIT);
        const id = await rig.update("reboot");
        for (const [state, status] of HELD) {
          await rig.reaches(id, status);
          // A continue for another point lets it go nowhere.
          for (const other of CONTROL_STATES.filter((name) => name !== state)) {
            await flow.continueOnce(other, WAIT);
          }
          await flow.pauseAll(WAIT);
          assert.equal(rig.history(id).at(-1), status);
          await flow.continueOnce(state, WAIT);
        }
        await rig.reaches(id, "success");
        assert.deepEqual(rig.history(id), [
          "downloading",
          "pause_before_installing",
          "installing",
          "pause_before_rebooting",
          "rebooting",
          "pause_before_committing",
          "installing",
          "success",
        ]);
        await flow.pauseAll(WAIT);
        await rig.reaches(await rig.update(), "pause_before_installing");
      }),
    LIMIT,
  );

  for (const [state, status] of HELD) {
    test(
      `${client} fails an update that is held at ${state}, and holds the next`,
      () =>
        withControl({ ...LONG, client }, async (rig, flow) => {
          await flow.pauseAll(WAIT);
          const id = await rig.update("reboot");
          for (const [earlier, paused] of HELD) {
            await rig.reaches(id, paused);
            if (paused === status) break;
            await flow.continueOnce(earlier, WAIT);
          }
          await flow.fail(WAIT);
          await rig.reaches(id, "failure");
          await flow.pauseAll(WAIT);
          await rig.reaches(await rig.update(), "pause_before_installing");
        }),
      LIMIT,
    );
  }

  for (const [onExpire, status] of [["continue", "success"], ["fail", "failure"]] as const) {
    test(
      `${client} ends with ${status} when the flow is left and its map expires to ${onExpire}`,
      () =>
        withControl({ lifeSeconds: 6, client }, async (rig, flow, seen) => {
          await flow.pauseAll(WAIT);
          const id = await rig.update();
          await rig.reaches(id, "pause_before_installing");
          // Longer than the map would live by itself.
          const refreshes = seen.length;
          await waitUntil("refreshes", () => seen.length >= refreshes + 4, 60_000);
          assert.equal(rig.history(id).at(-1), "pause_before_installing");
          await flow.close();
          await rig.reaches(id, status);
        }, { onExpire }),
      LIMIT,
    );
  }

  test(
    `${client} lets one update pass after a one-time continue, however often it is refreshed`,
    () =>
      withControl({ lifeSeconds: 6, client }, async (rig, flow, seen) => {
        const owner = { id: ID, onExpire: "continue" } as const;
        const install: ControlState = "ArtifactInstall_Enter";
        await flow.order(
          orderActions({ [install]: "continue" }, owner, { [install]: "pause" }),
          WAIT,
        );
        await rig.reaches(await rig.update(), "success");
        const refreshes = seen.length;
        await waitUntil("three refreshes", () => seen.length >= refreshes + 3, 60_000);
        const second = await rig.update();
        await rig.reaches(second, "pause_before_installing");
        const later = seen.length;
        await waitUntil("two more refreshes", () => seen.length >= later + 2, 60_000);
        assert.equal(rig.history(second).at(-1), "pause_before_installing");
        assert.ok(seen.every(({ name }) => name === "active" || name === "pending"));
      }),
    LIMIT,
  );

  test(
    `the menu holds ${client} and lets it go, choice by choice`,
    () =>
      withUpdateRig({ ...LONG, client, rules: { policies: MENDER_POLICY } }, async (rig) => {
        const commands = new FlowRig(rig.dir, rig.bus);
        let last = "";
        await commands.inTerminal(["--clear-on-exit"], async (terminal) => {
          await terminal.shows(/^State {7}active/);
          const id = await rig.update("reboot");
          for (const [at, [, status]] of HELD.entries()) {
            await rig.reaches(id, status);
            terminal.type(`${at + 1}\r`);
          }
          await rig.reaches(id, "success");
          terminal.type("f\r");
          await terminal.shows(/^Fail the running update\?/);
          terminal.type("yes\r");
          await terminal.shows(/^Map {9}install fail once, then pause/);
          await terminal.shows(/^State {7}active, armed/);
          await rig.reaches(await rig.update(), "failure");
          last = await rig.update();
          await rig.reaches(last, "pause_before_installing");
          terminal.type("q");
          assert.equal(await terminal.ended, 0);
        });
        // Deleted at the end: what was held goes on.
        await rig.reaches(last, "success");
      }),
    LIMIT,
  );
}

test(
  "our daemon that is killed while it is held is still held, and downloads nothing twice",
  () =>
    withControl({ ...LONG, client: "our daemon" }, async (rig, flow) => {
      await flow.pauseAll(WAIT);
      const id = await rig.update();
      await rig.reaches(id, "pause_before_installing");
      const downloads = (): number =>
        rig.server.journal.entries.filter(({ path, method }) =>
          method === "GET" && path.includes("/storage/")
        ).length;
      const before = downloads();
      await rig.daemon.stop("SIGKILL");
      // Nobody sets a map meanwhile: the stored one has to hold.
      await flow.close();
      rig.daemon.start();
      await rig.ready();
      await waitUntil(
        "the daemon at the point again",
        () => rig.daemon.output.split("Held by update control").length > 2,
        60_000,
      );
      assert.equal(rig.history(id).at(-1), "pause_before_installing");
      const again = await UpdateFlow.connect({ address: rig.bus.address, id: ID });
      await again.continueOnce("ArtifactInstall_Enter", WAIT);
      await rig.reaches(id, "pause_before_committing");
      await again.continueOnce("ArtifactCommit_Enter", WAIT);
      await rig.reaches(id, "success");
      assert.equal(downloads(), before, "what was downloaded is kept");
      assert.equal(rig.history(id).filter((status) => status === "downloading").length, 1);
      await again.close();
    }),
  LIMIT,
);

test(
  "our daemon stays held when the bus restarts, and takes maps again by itself",
  () =>
    withControl({ ...LONG, client: "our daemon" }, async (rig, flow, seen) => {
      await flow.pauseAll(WAIT);
      const id = await rig.update();
      await rig.reaches(id, "pause_before_installing");
      await rig.bus.stop();
      await waitUntil("the loss", () => seen.at(-1)?.name === "lost", 30_000);
      await rig.bus.start();
      await waitUntil("the map again", () => seen.at(-1)?.name === "active", 90_000);
      assert.equal(rig.history(id).at(-1), "pause_before_installing");
      await flow.continueOnce("ArtifactInstall_Enter", WAIT);
      await rig.reaches(id, "pause_before_committing");
      await flow.continueOnce("ArtifactCommit_Enter", WAIT);
      await rig.reaches(id, "success");
    }),
  LIMIT,
);

test(
  "mender 3.4 that restarts while it is held does not install, and is held again",
  () =>
    withControl(LONG, async (rig, flow, seen) => {
      await flow.pauseAll(WAIT);
      const id = await rig.update();
      await rig.reaches(id, "pause_before_installing");
      await rig.daemon.stop("SIGKILL");
      await waitUntil("the loss", () => seen.at(-1)?.name === "lost", 30_000);
      rig.daemon.start();
      await waitUntil("the map again", () => seen.at(-1)?.name === "active", 60_000);
      // A download cannot be taken up again: that is how this client ends such an update.
      await rig.reaches(id, "failure");
      assert.deepEqual(rig.history(id), ["downloading", "pause_before_installing", "failure"]);
      await rig.reaches(await rig.update(), "pause_before_installing");
    }),
  LIMIT,
);

test(
  "mender 3.4 that restarts while it is held before the reboot is held before the commit",
  () =>
    withControl(LONG, async (rig, flow, seen) => {
      await flow.pauseAll(WAIT);
      const id = await rig.update("reboot");
      await rig.reaches(id, "pause_before_installing");
      await flow.continueOnce("ArtifactInstall_Enter", WAIT);
      await rig.reaches(id, "pause_before_rebooting");
      const before = seen.length;
      await rig.daemon.stop("SIGKILL");
      rig.daemon.start();
      await waitUntil(
        "the map again",
        () => seen.slice(before).some(({ name }) => name === "active"),
        60_000,
      );
      // To this client its own start is the reboot.
      await rig.reaches(id, "pause_before_committing");
      assert.equal(rig.history(id).includes("rebooting"), false);
      await flow.continueOnce("ArtifactCommit_Enter", WAIT);
      await rig.reaches(id, "success");
    }),
  LIMIT,
);

test(
  "mender 3.4 stays held when the bus restarts, and is held again once it is on the bus again",
  () =>
    withControl(LONG, async (rig, flow, seen) => {
      await flow.pauseAll(WAIT);
      const id = await rig.update();
      await rig.reaches(id, "pause_before_installing");
      await rig.bus.stop();
      await waitUntil("the loss", () => seen.at(-1)?.name === "lost", 30_000);
      await rig.bus.start();
      // The client does not come back by itself; its map still holds.
      await waitUntil(
        "a client that is missed",
        () => seen.at(-1)?.reason?.code === "bus.service-unknown",
        60_000,
      );
      assert.equal(rig.history(id).at(-1), "pause_before_installing");
      await rig.daemon.stop();
      rig.daemon.start();
      await waitUntil("the map again", () => seen.at(-1)?.name === "active", 60_000);
      assert.equal(rig.history(id).includes("installing"), false);
      await rig.reaches(await rig.update(), "pause_before_installing");
    }),
  LIMIT,
);

test(
  "mender 3.4 hands out its token, and tells when it has a new one",
  () =>
    withUpdateRig({ ...LONG, rules: { policies: MENDER_POLICY } }, async (rig) => {
      const connection = await rig.connect();
      const client = new AuthenticationManagerClient(connection);
      const before = await client.getJwtToken();
      assert.match(before?.token ?? "", /^[\w-]+\.[\w-]+\.[\w-]+$/);
      assert.match(before?.serverUrl ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
      const changes = await client.tokenChanges();
      assert.equal(await client.fetchJwtToken(), true);
      const { value } = await changes.next();
      assert.match(value?.serverUrl ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
      await changes.return?.();
      connection.close();
      await connection.lost;
    }),
  LIMIT,
);
