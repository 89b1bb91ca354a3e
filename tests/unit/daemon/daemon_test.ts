import assert from "node:assert/strict";
import type { Device } from "../../../lib/device/device.ts";
import {
  ApiError,
  AuthError,
  isMenderError,
  RuntimeError,
  StoreError,
} from "../../../lib/core/errors.ts";
import type { ClientEvent } from "../../../lib/daemon/client_event.ts";
import { LivePool } from "../../../lib/control/live_pool.ts";
import { Daemon } from "../../../lib/daemon/daemon.ts";
import type { DaemonEnd, DaemonOptions } from "../../../lib/daemon/daemon_options.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { test } from "../../support/test.ts";

type Call = "settle" | "authenticate" | "sendInventory" | "checkUpdate";
type Settled = Awaited<ReturnType<Device["settle"]>>;
type Checked = Awaited<ReturnType<Device["checkUpdate"]>>;

/** A device that does what a test says, and notes when it was asked for what. */
class FakeDevice {
  readonly calls: string[] = [];
  readonly times: [number, Call][] = [];
  isAuthorized = false;
  onSettle: () => Settled | Promise<Settled> = () => "clear";
  onAuthenticate: () => void = () => {};
  onInventory: () => void = () => {};
  onCheck: () => Checked = () => "nothing";
  onReport: () => unknown = () => undefined;

  readonly clock: FakeClock;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  async settle(): Promise<Settled> {
    this.#note("settle");
    return await this.onSettle();
  }
  async authenticate(): Promise<void> {
    this.#note("authenticate");
    this.isAuthorized = false;
    await this.onAuthenticate();
    this.isAuthorized = true;
  }
  async sendInventory(): Promise<void> {
    this.#note("sendInventory");
    await this.onInventory();
  }
  async checkUpdate(): Promise<Checked> {
    this.#note("checkUpdate");
    return await this.onCheck();
  }
  deliverReport(): Promise<{ state: "recorded"; why: unknown }> {
    return Promise.resolve({ state: "recorded", why: this.onReport() });
  }
  announce(): Promise<never> {
    return Promise.reject(this.onReport());
  }
  get maps(): LivePool {
    return new LivePool({ clock: this.clock, lifeMs: 1000 });
  }
  /** When it was asked for something, in seconds. */
  secondsOf(call: Call): number[] {
    return this.times.filter(([, name]) => name === call).map(([ms]) => ms / 1000);
  }
  #note(call: Call): void {
    this.calls.push(call);
    this.times.push([this.clock.monotonic(), call]);
  }
}

function daemon(options: Partial<DaemonOptions> = {}) {
  const clock = new FakeClock();
  const device = new FakeDevice(clock);
  const logger = logRecorder();
  const controller = new AbortController();
  const running = new Daemon({
    // The daemon uses of a device what the fake has.
    device: device as unknown as Device,
    clock,
    random: { next: () => 0, uuid: () => "" },
    logger,
    updatePollMs: 1_800_000,
    inventoryPollMs: 28_800_000,
    retryPollMs: 300_000,
    ...options,
  });
  const start = (): Promise<DaemonEnd> => {
    const ended = running.run(controller.signal);
    ended.catch(() => {}); // looked at by the test, perhaps later
    return ended;
  };
  return { clock, device, logger, controller, running, start };
}

const HOUR = 3_600_000;
const unauthorized = (retry: "later" | { afterMs: number } = "later"): AuthError =>
  new AuthError("auth.unauthorized", "Cannot authenticate: the server answered 401", { retry });
const unreachable = (): ApiError => new ApiError("api.unreachable", "Cannot reach the server");

test("Daemon settles, authenticates, sends the inventory and checks, in this order and at once", async () => {
  const { clock, device, start } = daemon();
  start();
  await clock.advance(0);
  assert.deepEqual(device.calls, ["settle", "authenticate", "sendInventory", "checkUpdate"]);
});

test("Daemon repeats the check and the inventory at their intervals, and nothing else", async () => {
  const { clock, device, start } = daemon();
  start();
  await clock.advance(9 * HOUR);
  assert.deepEqual(
    device.secondsOf("checkUpdate"),
    Array.from({ length: 19 }, (_, at) => at * 1800),
  );
  assert.deepEqual(device.secondsOf("sendInventory"), [0, 28_800]);
  assert.deepEqual(device.secondsOf("authenticate"), [0]);
  assert.deepEqual(device.secondsOf("settle"), [0]);
  assert.equal(clock.pendingTimers, 1);
});

test("Daemon tells once that the device is pending, as no warning, and asks in growing waits", async () => {
  const { clock, device, logger, start } = daemon();
  device.onAuthenticate = () => {
    throw unauthorized();
  };
  start();
  await clock.advance(1000 * 1000);
  assert.deepEqual(device.secondsOf("authenticate"), [
    0,
    1.5,
    4.5,
    10.5,
    22.5,
    46.5,
    94.5,
    190.5,
    382.5,
    682.5,
    982.5,
  ]);
  assert.deepEqual(logger.lines(), []);
  assert.equal(logger.all().match(/^info: Not accepted/gm)?.length, 1);
  assert.deepEqual(device.secondsOf("checkUpdate"), []);
  device.onAuthenticate = () => {};
  await clock.advance(300_000);
  assert.deepEqual(device.secondsOf("sendInventory").length, 1);
  assert.deepEqual(device.secondsOf("checkUpdate").length, 1);
});

test("Daemon tells what happens: pending, authorised, inventory, polls, failures", async () => {
  const events: ClientEvent[] = [];
  const { clock, device, start } = daemon({ onEvent: (event) => events.push(event) });
  device.onAuthenticate = () => {
    if (device.secondsOf("authenticate").length < 3) throw unauthorized();
  };
  device.onInventory = () => {
    throw unreachable();
  };
  start();
  await clock.advance(4500);
  const nextAttemptSeconds = 1.5;
  assert.deepEqual(events, [
    { type: "pending", nextAttemptSeconds },
    { type: "pending", nextAttemptSeconds: 3 },
    { type: "authorized" },
    {
      type: "failure",
      what: "send the inventory",
      code: "api.unreachable",
      message: "Cannot reach the server",
      nextAttemptSeconds,
    },
    { type: "polled", result: "nothing" },
  ]);
  device.onInventory = () => {};
  await clock.advance(1500);
  assert.deepEqual(events.slice(5), [{ type: "inventory-sent" }]);
});

test("Daemon waits as long as the server asks", async () => {
  const { clock, device, start } = daemon();
  device.onAuthenticate = () => {
    if (device.secondsOf("authenticate").length === 1) throw unauthorized({ afterMs: 7_200_000 });
  };
  device.onCheck = () => {
    throw new ApiError("api.refused", "Cannot ask: 429", { retry: { afterMs: 50_000 } });
  };
  start();
  await clock.advance(2 * HOUR + 110_000);
  assert.deepEqual(device.secondsOf("authenticate"), [0, 7200]);
  assert.deepEqual(device.secondsOf("checkUpdate"), [7200, 7250, 7300]);
  assert.deepEqual(device.secondsOf("sendInventory"), [7200]);
});

const thrown: [name: string, error: unknown][] = [
  ["an error of the server", unreachable()],
  ["an error of the disk", new StoreError("store.no-space", "Cannot store it")],
  ["a TypeError", new TypeError("x is not a function")],
  ["something that is no error", "a text"],
  ["nothing", undefined],
];
for (const [name, error] of thrown) {
  for (const call of ["onSettle", "onAuthenticate", "onInventory", "onCheck"] as const) {
    test(`Daemon goes on when ${call} throws ${name}`, async () => {
      const { clock, device, logger, start } = daemon();
      let failures = 0;
      device[call] = () => {
        if (++failures <= 3) throw error;
        return (call === "onSettle" ? "clear" : "nothing") as never;
      };
      start();
      await clock.advance(10_000);
      assert.equal(failures, 3);
      await clock.advance(10_000);
      assert.equal(failures, call === "onSettle" ? 4 : 4);
      assert.ok(device.secondsOf("checkUpdate").length >= 1);
      assert.equal(logger.lines().length, 3, logger.all());
    });
  }
}

test("Daemon polls no further than the retry wait when the interval is shorter", async () => {
  const { clock, device, start } = daemon({ updatePollMs: 5000, retryPollMs: 300_000 });
  device.onCheck = () => {
    throw unreachable();
  };
  start();
  await clock.advance(20_000);
  assert.deepEqual(device.secondsOf("checkUpdate"), [0, 1.5, 4.5, 9.5, 14.5, 19.5]);
});

test("Daemon asks for a lost token soon, not at the next retry interval", async () => {
  const { clock, device, start } = daemon();
  device.onCheck = () => {
    if (device.secondsOf("checkUpdate").length !== 2) return "nothing";
    device.isAuthorized = false;
    throw unreachable();
  };
  start();
  await clock.advance(1_801_500);
  assert.deepEqual(device.secondsOf("authenticate"), [0, 1800]);
  assert.deepEqual(device.secondsOf("checkUpdate"), [0, 1800, 1801.5]);
});

const HALF = { next: () => 0.5, uuid: () => "" };
const firsts: [name: string, options: Partial<DaemonOptions>, seconds: number][] = [
  ["half an hour", {}, 10],
  ["5 s", { updatePollMs: 5000 }, 0.25],
  ["half an hour, without a spread", { firstContactSpreadMs: 0 }, 0],
  ["half an hour, once", { isOnce: true }, 0],
];
for (const [name, options, seconds] of firsts) {
  test(`Daemon that polls every ${name} leaves its server alone for ${seconds} s first`, async () => {
    const { clock, device, start } = daemon({
      firstContactSpreadMs: 20_000,
      random: HALF,
      ...options,
    });
    start();
    await clock.advance(20_000);
    assert.deepEqual(device.secondsOf("settle")[0], 0);
    assert.deepEqual(device.secondsOf("authenticate")[0], seconds);
    assert.deepEqual(device.secondsOf("checkUpdate")[0], seconds);
  });
}

for (const what of ["checkUpdate", "sendInventory"] as const) {
  test(`Daemon that leaves its server alone at first does not when ${what} is wanted`, async () => {
    const { clock, device, start, running } = daemon({
      firstContactSpreadMs: 20_000,
      random: HALF,
    });
    start();
    await clock.advance(1000);
    assert.equal(running.status().nextPollSeconds, 9);
    running[what]();
    await clock.advance(0);
    assert.deepEqual(device.secondsOf("authenticate"), [1]);
    assert.deepEqual(device.secondsOf(what), [1]);
  });
}

const LATE_MS = 2 * 1_800_000 + 300_000 + 1;

test("Daemon whose polls are not answered is stale after two intervals and a retry", async () => {
  const { clock, device, start, running } = daemon();
  device.onCheck = () => {
    throw unreachable();
  };
  start();
  await clock.advance(LATE_MS - 1);
  assert.equal(running.status().isStale, false);
  await clock.advance(1);
  assert.equal(running.status().isStale, true);
  device.onCheck = () => "nothing";
  await clock.advance(300_000);
  assert.equal(running.status().isStale, false);
});

test("Daemon that its server has asked to wait is not stale meanwhile", async () => {
  const { clock, device, start, running } = daemon();
  device.onCheck = () => {
    throw new ApiError("api.server-error", "Cannot ask: 503", { retry: { afterMs: 4 * HOUR } });
  };
  start();
  await clock.advance(4 * HOUR - 1);
  assert.equal(running.status().isStale, false);
});

test("Daemon that has waited long for an outcome is not stale when it goes on", async () => {
  const { clock, device, start, running } = daemon();
  device.onSettle = () => "waiting";
  device.onCheck = () => {
    throw unreachable();
  };
  start();
  await clock.advance(2 * LATE_MS);
  assert.equal(running.status().isStale, false);
  device.onSettle = () => "clear";
  await clock.advance(2000);
  assert.equal(running.status().isStale, false);
});

test("Daemon that is given other settings goes on with them at once, and gives back the device", async () => {
  const { clock, device, start, running } = daemon();
  start();
  await clock.advance(1000);
  const other = new FakeDevice(clock);
  const given = running.reconfigure({
    device: other as unknown as Device,
    updatePollMs: 5000,
    inventoryPollMs: 28_800_000,
    retryPollMs: 300_000,
  });
  await clock.advance(10_000);
  assert.equal(await given, device as unknown as Device);
  assert.deepEqual(other.secondsOf("checkUpdate"), [1, 6, 11]);
  assert.deepEqual(device.secondsOf("checkUpdate"), [0]);
});

test("Daemon returns after the hand-off", async () => {
  const { clock, device, start } = daemon();
  device.onCheck = () => "handed-over";
  assert.equal(await clock.run(start()), "handed-over");
  assert.deepEqual(device.calls, ["settle", "authenticate", "sendInventory", "checkUpdate"]);
  assert.equal(clock.pendingTimers, 0);
});

test("Daemon that stays waits for the outcome without a poll, then sends the inventory and goes on", async () => {
  const { clock, device, start } = daemon({ isStaying: true });
  let isWithSubUpdater = false;
  device.onSettle = () => isWithSubUpdater ? "waiting" : "clear";
  device.onCheck = () => {
    if (device.secondsOf("checkUpdate").length > 1) return "nothing";
    isWithSubUpdater = true;
    return "handed-over";
  };
  start();
  await clock.advance(2 * HOUR);
  assert.deepEqual(device.secondsOf("checkUpdate"), [0]);
  assert.deepEqual(device.secondsOf("sendInventory"), [0]);
  assert.ok(device.secondsOf("settle").length > 7000, "the lock is looked at each second");
  isWithSubUpdater = false;
  const at = device.calls.length;
  await clock.advance(1000);
  assert.deepEqual(device.calls.slice(at), ["settle", "sendInventory", "checkUpdate"]);
  assert.deepEqual(device.secondsOf("authenticate"), [0]);
});

test("Daemon that stays sends the inventory also when the outcome is there before its first look", async () => {
  const { clock, device, start } = daemon({ isStaying: true });
  device.onCheck = () => device.secondsOf("checkUpdate").length > 1 ? "nothing" : "handed-over";
  start();
  await clock.advance(1000);
  assert.deepEqual(device.secondsOf("sendInventory"), [0, 0]);
  assert.deepEqual(device.secondsOf("checkUpdate"), [0, 0]);
});

test("Daemon that finds a deployment in progress talks to nobody until it is over", async () => {
  const { clock, device, logger, start } = daemon();
  device.onSettle = () => "waiting";
  start();
  await clock.advance(HOUR);
  assert.deepEqual([...new Set(device.calls)], ["settle"]);
  assert.equal(logger.all().match(/waiting for its outcome/g)?.length, 1);
  device.onSettle = () => "clear";
  await clock.advance(1000);
  assert.deepEqual(device.calls.slice(-3), ["authenticate", "sendInventory", "checkUpdate"]);
});

test("Daemon whose token is shared asks for one while a deployment is in progress, and for nothing else", async () => {
  const { clock, device, start } = daemon({ isTokenShared: true });
  device.onSettle = () => "waiting";
  device.onAuthenticate = () => {
    if (device.secondsOf("authenticate").length === 1) throw unreachable();
  };
  start();
  await clock.advance(HOUR);
  assert.deepEqual(device.secondsOf("authenticate"), [0, 1.5]);
  assert.deepEqual([...new Set(device.calls)], ["settle", "authenticate"]);
});

test("Daemon authenticates anew when it is asked to, whatever it waits for, and tells a failure", async () => {
  const { clock, device, logger, running, start } = daemon();
  start();
  await clock.advance(HOUR);
  await clock.run(running.authenticate());
  assert.deepEqual(device.secondsOf("authenticate"), [0, 3600]);
  device.onSettle = () => "waiting";
  device.onAuthenticate = () => {
    throw unreachable();
  };
  await clock.run(running.authenticate());
  assert.deepEqual(logger.lines(), [
    "warning: Failed to authenticate: Cannot reach the server",
  ]);
});

const REPORTS: readonly [what: string, report: (running: Daemon) => Promise<unknown>][] = [
  ["an outcome", (running) => running.deliverReport("id")],
  [
    "a status",
    (running) => running.perform((device, to) => device.announce("id", "rebooting", to)),
  ],
];
for (const [what, report] of REPORTS) {
  test(`Daemon whose server wants ${what} later does nothing until then`, async () => {
    const { clock, device, start, running } = daemon({ updatePollMs: 10_000, isStaying: true });
    const why = new ApiError("api.server-error", "503", { retry: { afterMs: 50_000 } });
    device.onReport = () => why;
    let reported: Promise<unknown> | undefined;
    device.onCheck = () => {
      device.onSettle = () => "waiting";
      // Before the first look at what was handed over.
      reported = report(running).catch((error) => error);
      return "handed-over";
    };
    start();
    await clock.advance(60_000);
    const found = await reported as { why?: unknown };
    assert.ok(found === why || found.why === why);
    assert.deepEqual(device.secondsOf("checkUpdate"), [0]);
    assert.deepEqual(device.secondsOf("settle").slice(0, 2), [0, 50]);
  });
}

test("Daemon looks again at once as long as there is something to settle", async () => {
  const { clock, device, start } = daemon();
  device.onSettle = () => device.calls.length < 4 ? "again" : "clear";
  start();
  await clock.advance(0);
  assert.deepEqual(device.calls.slice(0, 5), [
    "settle",
    "settle",
    "settle",
    "settle",
    "authenticate",
  ]);
});

for (const result of ["failed", "gone"] as const) {
  test(`Daemon settles at once after a deployment that is ${result}`, async () => {
    const { clock, device, start } = daemon();
    device.onCheck = () => device.secondsOf("checkUpdate").length === 1 ? result : "nothing";
    start();
    await clock.advance(1800_000);
    assert.deepEqual(device.calls.slice(3), ["checkUpdate", "settle", "checkUpdate"]);
  });
}

test("Daemon settles before it asks again when a check broke off: it may have handed over", async () => {
  const { clock, device, start } = daemon();
  let isHandedOver = false;
  device.onSettle = () => isHandedOver ? "waiting" : "clear";
  device.onCheck = () => {
    isHandedOver = true;
    throw new StoreError("store.no-space", "Cannot store the deployment record");
  };
  start();
  await clock.advance(HOUR);
  assert.deepEqual(device.secondsOf("checkUpdate"), [0]);
});

test("Daemon does not check when the token was lost meanwhile, but gets a new one", async () => {
  const { clock, device, start } = daemon();
  device.onInventory = () => {
    if (device.secondsOf("sendInventory").length > 1) return;
    device.isAuthorized = false;
    throw unauthorized();
  };
  start();
  await clock.advance(0);
  assert.deepEqual(device.calls, ["settle", "authenticate", "sendInventory"]);
  await clock.advance(300_000);
  assert.deepEqual(device.calls.slice(3), ["authenticate", "sendInventory", "checkUpdate"]);
});

const once: [name: string, arrange: (device: FakeDevice) => void, end: DaemonEnd, calls: number][] =
  [
    ["all goes well", () => {}, "done", 4],
    ["it hands over", (device) => device.onCheck = () => "handed-over", "handed-over", 4],
    ["the deployment fails", (device) => device.onCheck = () => "failed", "failed", 4],
    ["the server took the deployment back", (device) => device.onCheck = () => "gone", "done", 4],
    [
      "the device is pending",
      (device) => {
        device.onAuthenticate = () => {
          throw unauthorized();
        };
      },
      "failed",
      2,
    ],
    [
      "the inventory fails",
      (device) => {
        device.onInventory = () => {
          throw unreachable();
        };
      },
      "failed",
      4,
    ],
    [
      "the check fails",
      (device) => {
        device.onCheck = () => {
          throw unreachable();
        };
      },
      "failed",
      4,
    ],
    ["a deployment is in progress", (device) => device.onSettle = () => "waiting", "done", 1],
    [
      "settling fails",
      (device) => {
        device.onSettle = () => {
          throw unreachable();
        };
      },
      "failed",
      1,
    ],
  ];
for (const [name, arrange, end, calls] of once) {
  test(`Daemon once, when ${name}, ends with "${end}"`, async () => {
    const { clock, device, start } = daemon({ isOnce: true });
    arrange(device);
    assert.equal(await clock.run(start()), end);
    assert.equal(device.calls.length, calls);
    assert.equal(clock.monotonic(), 0);
  });
}

test("Daemon ends at once with the reason when it is aborted while it waits", async () => {
  const { clock, controller, start } = daemon();
  const running = start();
  await clock.advance(1000);
  const reason = new Error("SIGTERM");
  controller.abort(reason);
  await assert.rejects(running, reason);
  assert.deepEqual([clock.monotonic(), clock.pendingTimers], [1000, 0]);
});

for (const call of ["onSettle", "onAuthenticate", "onInventory", "onCheck"] as const) {
  test(`Daemon that is aborted in ${call} ends with the reason, tells no failure and does no more`, async () => {
    const { device, logger, controller, start } = daemon();
    const reason = new Error("SIGTERM");
    device[call] = () => {
      controller.abort(reason);
      throw new ApiError("api.unreachable", "Cannot reach the server: aborted");
    };
    await assert.rejects(start(), reason);
    assert.deepEqual(logger.lines(), []);
    assert.equal(
      device.calls.length,
      ["onSettle", "onAuthenticate", "onInventory", "onCheck"].indexOf(call) + 1,
    );
  });
}

test("Daemon that is aborted before it starts does nothing", async () => {
  const { device, controller, start } = daemon();
  controller.abort(new Error("SIGTERM"));
  await assert.rejects(start(), /SIGTERM/);
  assert.deepEqual(device.calls, []);
});

for (const call of ["onSettle", "onAuthenticate", "onInventory", "onCheck"] as const) {
  test(`Daemon ends when a part of the program cannot be loaded in ${call}: only a new start helps`, async () => {
    const { device, start } = daemon();
    device[call] = () => {
      throw new RuntimeError("runtime.module", "Cannot load a part of the program");
    };
    await assert.rejects(start(), (error) => isMenderError(error, "runtime.module"));
  });
}

test("Daemon ends when what a report needs cannot be loaded", async () => {
  const { clock, device, running, start } = daemon();
  const why = new RuntimeError("runtime.module", "Cannot load a part of the program");
  device.onReport = () => why;
  const ended = start();
  await clock.advance(1000);
  const reporting = running.deliverReport("id");
  await clock.advance(0);
  assert.deepEqual(await reporting, { state: "recorded", why });
  await assert.rejects(ended, why);
});
