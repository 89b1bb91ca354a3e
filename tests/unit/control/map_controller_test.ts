import assert from "node:assert/strict";
import { type ControllerState, MapController } from "../../../lib/control/map_controller.ts";
import { continueOnce, failOnce, type MapOrder, pauseAll } from "../../../lib/control/map_order.ts";
import { isDeletion } from "../../../lib/control/control_map.ts";
import { BusError } from "../../../lib/core/errors.ts";
import { letterId, notedMap } from "../../support/control_maps.ts";
import { FakeClock, settled } from "../../support/fake_clock.ts";
import { accepted, failed, ScriptedReceiver } from "../../support/scripted_receiver.ts";
import { test } from "../../support/test.ts";

const id = letterId("A");
const PAUSE = pauseAll({ id });

interface Parts {
  readonly clock: FakeClock;
  readonly receiver: ScriptedReceiver;
  readonly controller: MapController;
  /** States so far, by name, with the code of the reason. */
  readonly seen: string[];
  readonly last: () => ControllerState;
  /** The actions at install of the maps that were sent. */
  readonly sent: () => (string | undefined)[];
}

async function withController(
  order: MapOrder,
  body: (parts: Parts) => Promise<void>,
  prepare: (receiver: ScriptedReceiver) => void = () => {},
): Promise<void> {
  const clock = new FakeClock();
  const receiver = new ScriptedReceiver();
  prepare(receiver);
  const controller = new MapController({ receiver, clock, random: () => 0, order });
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { name, reason } of controller.states()) {
      seen.push(reason === undefined ? name : `${name}: ${reason.code}`);
    }
  })();
  await settled();
  await body({
    clock,
    receiver,
    controller,
    seen,
    last: () => controller.state,
    sent: () => receiver.maps.map(({ states }) => states.ArtifactInstall_Enter?.action),
  });
  await controller.close(false);
  await reading;
  assert.equal(clock.pendingTimers, 0);
  assert.equal(receiver.isWatched, false);
}

test("a map is set at once, and again before its half-time, for as long as it is wanted", () =>
  withController(PAUSE, async ({ clock, receiver, seen, last }) => {
    assert.deepEqual(seen, ["pending", "active"]);
    assert.equal(last().nextAtMs, 27_000);
    assert.equal(last().expiresAtMs, 60_000);
    await clock.advance(26_999);
    assert.equal(receiver.maps.length, 1);
    await clock.advance(1);
    assert.equal(receiver.maps.length, 2);
    assert.equal(last().nextAtMs, 54_000);
    await clock.advance(3600_000);
    assert.equal(receiver.maps.length, 2 + Math.floor(3600 / 27));
    assert.ok(receiver.maps.every((map) => map === PAUSE.map));
    assert.deepEqual([...new Set(seen)], ["pending", "active"]);
  }));

for (const refreshMs of [1000, 2000, 4000, 30_000, 1_800_000]) {
  test(`a map with a half-time of ${refreshMs} ms is set before it, but not needlessly early`, () =>
    withController(PAUSE, async ({ clock, receiver, last }) => {
      assert.ok(last().nextAtMs < refreshMs && last().nextAtMs >= refreshMs / 2);
      await clock.advance(refreshMs - 1);
      assert.equal(receiver.maps.length, 2);
    }, (receiver) => void (receiver.usual = accepted(refreshMs))));
}

test("another order takes the place of the first at once, also in the middle of a call", () =>
  withController(PAUSE, async ({ controller, receiver, seen, sent }) => {
    controller.replace(continueOnce("ArtifactInstall_Enter", { id }));
    await settled();
    receiver.script.push("never");
    controller.replace(PAUSE);
    await settled();
    controller.replace(failOnce({ id }));
    await settled();
    assert.deepEqual(sent(), ["pause", "continue", "pause", "fail"]);
    assert.deepEqual(seen.slice(-2), ["pending", "active"]);
  }));

test("an order of another ID or priority does not take its place", () =>
  withController(PAUSE, ({ controller }) => {
    for (const other of [pauseAll({ id: letterId("B") }), pauseAll({ id, priority: 0 })]) {
      assert.throws(() => controller.replace(other), TypeError);
    }
    return Promise.resolve();
  }));

test("a one-time continue is sent once; every refresh holds again", () =>
  withController(continueOnce("ArtifactInstall_Enter", { id }), async (parts) => {
    const { clock, receiver, last, sent } = parts;
    assert.equal(last().armedUntilMs, 27_000);
    assert.deepEqual(receiver.maps[0]?.states.ArtifactInstall_Enter, {
      action: "continue",
      onMapExpire: "continue",
      onActionExecuted: "pause",
    });
    await clock.advance(90_000);
    assert.deepEqual(sent(), ["continue", "pause", "pause", "pause"]);
    assert.equal(last().armedUntilMs, undefined);
  }));

test("a one-time continue that cannot have arrived is sent again", () =>
  withController(
    continueOnce("ArtifactInstall_Enter", { id }),
    async ({ clock, sent }) => {
      await clock.advance(5000);
      assert.deepEqual(sent(), ["continue", "continue", "continue"]);
    },
    (receiver) => void receiver.script.push(failed("unreachable"), failed("refused")),
  ));

test("a one-time continue that may have arrived is not sent again", () =>
  withController(
    continueOnce("ArtifactInstall_Enter", { id }),
    async ({ clock, sent, seen }) => {
      await clock.advance(5000);
      assert.deepEqual(sent(), ["continue", "pause"]);
      assert.deepEqual(seen, ["pending", "pending: bus.unknown", "active"]);
    },
    (receiver) => void receiver.script.push(failed("unknown")),
  ));

test("a one-time order is not repeated for a client that starts anew", () =>
  withController(failOnce({ id }), async ({ receiver, sent }) => {
    receiver.tell({ type: "arrived" });
    await settled();
    assert.deepEqual(sent(), ["fail", "pause"]);
  }));

test("a client that starts anew gets the map at once", () =>
  withController(PAUSE, async ({ receiver, seen }) => {
    receiver.tell({ type: "gone", reason: new BusError("bus.service-unknown", "gone") });
    await settled();
    receiver.tell({ type: "arrived" });
    await settled();
    assert.equal(receiver.maps.length, 2);
    assert.deepEqual(seen, ["pending", "active", "lost: bus.service-unknown", "active"]);
  }));

test("a client that is replaced by another in the middle of a call gets the map again", () =>
  withController(PAUSE, async ({ clock, receiver, seen }) => {
    let answer: (delivery: ReturnType<typeof accepted>) => void = () => {};
    receiver.script.push(new Promise((resolve) => answer = resolve));
    await clock.advance(27_000);
    receiver.tell({ type: "gone", reason: new BusError("bus.service-unknown", "gone") });
    receiver.tell({ type: "arrived" });
    answer(accepted(30_000)); // by the one that is gone
    await settled();
    assert.equal(receiver.maps.length, 3);
    assert.deepEqual(seen.slice(-2), ["lost: bus.service-unknown", "active"]);
  }));

test("a client that has gone is not taken for one that has accepted", () =>
  withController(PAUSE, async ({ clock, receiver, last }) => {
    let answer: (delivery: ReturnType<typeof accepted>) => void = () => {};
    receiver.script.push(new Promise((resolve) => answer = resolve));
    receiver.usual = failed("unreachable");
    await clock.advance(27_000);
    receiver.tell({ type: "gone", reason: new BusError("bus.service-unknown", "gone") });
    answer(accepted(30_000));
    await settled();
    assert.equal(last().name, "lost");
  }));

test("a client that is gone is looked for in waits of at most 30 s", () =>
  withController(PAUSE, async ({ clock, receiver }) => {
    receiver.usual = failed("unreachable", "bus.service-unknown");
    receiver.tell({ type: "gone", reason: new BusError("bus.service-unknown", "gone") });
    await clock.advance(120_000);
    const before = receiver.maps.length;
    await clock.advance(300_000);
    assert.equal(receiver.maps.length, before + 10);
  }));

test("a refresh that fails is repeated while the map lives, and its death is told", () =>
  withController(PAUSE, async ({ clock, receiver, seen, last }) => {
    receiver.usual = failed("unknown", "bus.no-reply");
    await clock.advance(27_000);
    assert.equal(last().name, "pending");
    assert.equal(last().expiresAtMs, 60_000);
    await clock.advance(33_000);
    assert.ok(receiver.maps.length > 4);
    assert.deepEqual([...new Set(seen)], [
      "pending",
      "active",
      "pending: bus.no-reply",
      "lost: bus.no-reply",
    ]);
    receiver.usual = accepted(30_000);
    await clock.advance(30_000);
    assert.equal(last().name, "active");
  }));

test("a call that never settles does not hide the death of the map", () =>
  withController(PAUSE, async ({ clock, receiver, last }) => {
    receiver.usual = "never";
    await clock.advance(60_000);
    assert.equal(last().name, "lost");
    assert.equal(receiver.maps.length, 2);
  }));

test("a refusal is told with its reason, and tried again", () =>
  withController(PAUSE, async ({ clock, receiver, seen }) => {
    await clock.advance(1500);
    receiver.usual = accepted(30_000);
    await clock.advance(30_000);
    assert.deepEqual(seen.slice(0, 4), [
      "pending",
      "refused: bus.access-denied",
      "refused: bus.access-denied",
      "active",
    ]);
  }, (receiver) => void (receiver.usual = failed("refused", "bus.access-denied"))));

test("an answer of 0 is a refusal: the map would be dead before it could be refreshed", () =>
  withController(PAUSE, ({ seen }) => {
    assert.deepEqual(seen, ["pending", "refused: control.life-too-short"]);
    return Promise.resolve();
  }, (receiver) => void (receiver.usual = accepted(0))));

test("a receiver that bursts is told and tried again", () =>
  withController(PAUSE, async ({ clock, seen }) => {
    await clock.advance(2000);
    assert.deepEqual(seen, ["pending", "pending: control.not-delivered", "active"]);
  }, (receiver) => void receiver.script.push("throws")));

test("closing leaves the map to expire, or deletes it", async () => {
  for (const clear of [false, true]) {
    const receiver = new ScriptedReceiver();
    const clock = new FakeClock();
    const controller = new MapController({ receiver, clock, random: () => 0, order: PAUSE });
    await settled();
    const delivery = await controller.close(clear);
    assert.equal(delivery?.type, clear ? "accepted" : undefined);
    assert.equal(receiver.maps.some(isDeletion), clear);
    assert.equal((await controller.states().next()).value.name, "active");
  }
});

test("closing does not wait for a call that never settles", async () => {
  const receiver = new ScriptedReceiver();
  receiver.script.push("never");
  const controller = new MapController({
    receiver,
    clock: new FakeClock(),
    random: () => 0,
    order: PAUSE,
  });
  await settled();
  assert.equal((await controller.close(true))?.type, "accepted");
});

test("orders name what happens on expiry, whatever the action is", () => {
  for (const onExpire of ["continue", "fail"] as const) {
    const orders = [
      pauseAll({ id, onExpire }),
      continueOnce("ArtifactReboot_Enter", { id, onExpire }),
      failOnce({ id, onExpire }),
    ];
    for (const map of orders.flatMap(({ map, once }) => once === undefined ? [map] : [map, once])) {
      assert.equal(map.priority, -1);
      const states = Object.values(map.states);
      assert.equal(states.length, 3);
      assert.ok(states.every(({ onMapExpire }) => onMapExpire === onExpire));
    }
  }
  assert.equal(pauseAll({ id }).map.states.ArtifactCommit_Enter?.onMapExpire, "continue");
  assert.deepEqual(notedMap("A-1:pause ome continue @all"), pauseAll({ id }).map);
});
