import assert from "node:assert/strict";
import { BusError } from "../../../lib/core/errors.ts";
import { type BusService, keepOnBus, type KeptBus } from "../../../lib/daemon/keep_on_bus.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type LogRecorder, logRecorder } from "../../support/log_recorder.ts";
import { test } from "../../support/test.ts";

const US = ":1.1";
const lost = new BusError("bus.disconnected", "The bus is gone");
const missing = new BusError("bus.no-bus", "Nobody listens");
const denied = new BusError("bus.access-denied", "No");

/** A connection that ends when it is told to, and owners that the test chooses. */
class FakeBus implements KeptBus {
  readonly uniqueName = US;
  readonly lost: Promise<BusError>;
  readonly #watchers = new Map<string, (owner: string | undefined) => void>();
  readonly #owner: string;
  #end = (): void => {};

  constructor(owner = US) {
    this.#owner = owner;
    this.lost = new Promise((resolve) => this.#end = () => resolve(lost));
  }

  close = (): void => this.#end();

  watchName(name: string, _what: string, listener: (owner: string | undefined) => void) {
    this.#watchers.set(name, listener);
    listener(this.#owner);
    return Promise.resolve();
  }

  pass(name: string, owner: string | undefined): void {
    this.#watchers.get(name)?.(owner);
  }
}

interface Kept {
  readonly clock: FakeClock;
  readonly log: LogRecorder;
  readonly buses: FakeBus[];
  readonly attemptsAt: number[];
  readonly end: AbortController;
  readonly done: Promise<void>;
}

/** Keeps services on buses that `open` gives, attempt by attempt. */
function keep(open: (attempt: number) => FakeBus, services: BusService<FakeBus>[]): Kept {
  const [clock, log, end] = [new FakeClock(), logRecorder(), new AbortController()];
  const buses: FakeBus[] = [];
  const attemptsAt: number[] = [];
  const done = keepOnBus({
    connect: () => {
      attemptsAt.push(clock.monotonic());
      const bus = open(attemptsAt.length);
      buses.push(bus);
      return Promise.resolve(bus);
    },
    services,
    clock,
    random: { next: () => 0, uuid: () => "" },
    logger: log,
    signal: end.signal,
  });
  return { clock, log, buses, attemptsAt, end, done };
}

function service(name: string, calls: string[] = []): BusService<FakeBus> {
  return {
    name,
    serve() {
      calls.push(name);
      return Promise.resolve();
    },
  };
}

const fails = (error: Error) => (): FakeBus => {
  throw error;
};

function count(log: LogRecorder, line: string): number {
  return log.all().split("\n").filter((one) => one.startsWith(line)).length;
}

test("keepOnBus serves everything on one connection, and again on the next one", async () => {
  const calls: string[] = [];
  const kept = keep(() => new FakeBus(), [service("a", calls), service("b", calls)]);
  await kept.clock.advance(100_000);
  assert.deepEqual(calls, ["a", "b"]);
  kept.buses[0]?.close();
  await kept.clock.advance(1500);
  assert.deepEqual(calls, ["a", "b", "a", "b"]);
  assert.equal(count(kept.log, "info: Serving a on the D-Bus"), 1);
  kept.end.abort();
  await kept.done;
});

test("keepOnBus looks for a bus that is missing every 30 s at most, and tells it once", async () => {
  const kept = keep(fails(missing), [service("a")]);
  await kept.clock.advance(300_000);
  const waits = kept.attemptsAt.map((at, index) => at - (kept.attemptsAt[index - 1] ?? at)).slice(
    1,
  );
  assert.deepEqual(waits.slice(0, 7), [1500, 3000, 6000, 12_000, 24_000, 30_000, 30_000]);
  assert.equal(count(kept.log, "info: Nothing is offered on the D-Bus now: Nobody listens"), 1);
  assert.deepEqual(kept.log.lines(), []);
  kept.end.abort();
  await kept.done;
  assert.equal(kept.clock.pendingTimers, 0);
});

test("keepOnBus does not hurry back to a bus that lets in and cuts off", async () => {
  const kept = keep(() => {
    const bus = new FakeBus();
    bus.close();
    return bus;
  }, [service("a")]);
  await kept.clock.advance(300_000);
  assert.ok(kept.attemptsAt.length < 16, `${kept.attemptsAt.length} attempts`);
  kept.end.abort();
  await kept.done;
});

test("keepOnBus tells once who has a name, over restarts of the bus, and when that changes", async () => {
  const kept = keep(() => new FakeBus(":1.2"), [service("a")]);
  await kept.clock.advance(0);
  kept.buses[0]?.close();
  await kept.clock.advance(60_000);
  const taken = "info: Another program owns the D-Bus name a; it is left to that one";
  assert.equal(count(kept.log, taken), 1);
  kept.buses[1]?.pass("a", undefined);
  kept.buses[1]?.pass("a", US);
  assert.equal(count(kept.log, "info: Serving a"), 1);
  kept.buses[1]?.pass("a", ":1.7");
  assert.equal(count(kept.log, taken), 2);
  kept.end.abort();
  await kept.done;
});

test("keepOnBus serves the others when a name may not be owned", async () => {
  const refused: BusService<FakeBus> = { name: "a", serve: () => Promise.reject(denied) };
  const kept = keep(() => new FakeBus(), [refused, service("b")]);
  await kept.clock.advance(600_000);
  assert.equal(kept.attemptsAt.length, 1);
  assert.deepEqual(kept.log.lines(), ["warning: May not own the D-Bus name a: No"]);
  assert.equal(count(kept.log, "info: Serving b"), 1);
  kept.end.abort();
  await kept.done;
});

test("keepOnBus makes a new connection when a service cannot be offered, and tells what is no refusal", async () => {
  const broken: BusService<FakeBus> = {
    name: "a",
    serve: () => Promise.reject(new TypeError("broken")),
  };
  const kept = keep(() => new FakeBus(), [broken]);
  await kept.clock.advance(10_000);
  assert.ok(kept.attemptsAt.length > 2);
  assert.deepEqual(kept.log.lines(), ["error: Nothing is offered on the D-Bus now: broken"]);
  kept.end.abort();
  await kept.done;
});

for (
  const [name, error] of [
    ["this process may not use the bus", new BusError("bus.not-permitted", "net")],
    ["the address is wrong", new BusError("bus.bad-address", "address", { retry: "never" })],
  ] as const
) {
  test(`keepOnBus ends, with a warning, where ${name}`, async () => {
    const kept = keep(fails(error), [service("a")]);
    await kept.done;
    assert.equal(kept.log.lines().length, 1);
    assert.equal(kept.clock.pendingTimers, 0);
  });
}

test("keepOnBus ends with its signal while it is served, and closes the connection", async () => {
  const kept = keep(() => new FakeBus(), [service("a")]);
  await kept.clock.advance(0);
  kept.end.abort();
  await kept.done;
  await kept.buses[0]?.lost;
});
