import assert from "node:assert/strict";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import type { ClientEvent } from "../../../lib/daemon/client_event.ts";
import { ClientEvents } from "../../../lib/daemon/client_events.ts";
import { askControl } from "../../../lib/daemon/control/ask_control.ts";
import { daemonHandler } from "../../../lib/daemon/control/daemon_handler.ts";
import { followControl, type FollowedLine } from "../../../lib/daemon/control/follow_control.ts";
import type { Daemon } from "../../../lib/daemon/daemon.ts";
import { guardInstance } from "../../../lib/daemon/instance_guard.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { SocketConnection } from "../../../lib/runtime/socket_driver.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const drivers = await hostDrivers();
const polled = { type: "polled", result: "nothing" } as const;

interface Rig {
  readonly path: string;
  readonly events: ClientEvents;
  /** Time of the daemon; that of the clients is the real one. */
  readonly clock: FakeClock;
  readonly logger: ReturnType<typeof logRecorder>;
  follow(): AsyncGenerator<FollowedLine, void>;
  status(): Promise<unknown>;
}

/** A control socket with a daemon behind it that does nothing. */
function withControl(body: (rig: Rig) => Promise<void>): Promise<void> {
  return inTemporaryDirectory(async (directory) => {
    const path = join(directory, "daemon.sock");
    const clock = new FakeClock();
    const events = new ClientEvents(clock);
    const logger = logRecorder();
    const daemon = { status: () => ({ isAuthorized: true, isStale: false }) };
    const instance = await guardInstance({ ...drivers, clock }, path, {
      role: "daemon",
      pid: 4711,
      // The handler asks of a daemon what the fake has.
      handler: daemonHandler(daemon as unknown as Daemon, events),
      logger,
      signal: new AbortController().signal,
    });
    try {
      await body({
        path,
        events,
        clock,
        logger,
        follow: () => followControl(drivers, path, new AbortController().signal),
        status: () => askControl(drivers, path, { v: 1, do: "status" }, 10_000),
      });
    } finally {
      events.end();
      await instance.close();
    }
  });
}

async function eventsOf(lines: AsyncIterable<FollowedLine>): Promise<ClientEvent[]> {
  const all: ClientEvent[] = [];
  for await (const line of lines) if ("event" in line) all.push(line.event);
  return all;
}

test("followControl() gives the status, then each event, to every client, until the daemon ends", () =>
  withControl(async ({ events, follow }) => {
    events.take({ type: "phase", deploymentId: "a1", phase: "received" });
    const clients = [follow(), follow()];
    for (const client of clients) {
      assert.deepEqual((await client.next()).value, {
        status: {
          isAuthorized: true,
          isStale: false,
          deployment: { id: "a1", phase: "received" },
        },
      });
    }
    const told: ClientEvent[] = [
      { type: "phase", deploymentId: "a1", phase: "downloading", artifactName: "release-2" },
      polled,
    ];
    for (const event of told) events.take(event);
    events.end();
    for (const client of clients) assert.deepEqual(await eventsOf(client), told);
  }));

test("followControl() lets sixteen follow, refuses one more, and lets it in when one has gone", () =>
  withControl(async ({ follow, events }) => {
    const clients = Array.from({ length: 16 }, follow);
    for (const client of clients) await client.next();
    await assert.rejects(
      follow().next(),
      (error) => isMenderError(error, "control.too-many-followers"),
    );
    await clients[3]!.return();
    const late = await waitUntil("a free place", async () => {
      const client = follow();
      try {
        await client.next();
        return client;
      } catch (error) {
        assert.ok(isMenderError(error, "control.too-many-followers"), String(error));
        return undefined;
      }
    });
    events.take(polled);
    events.end();
    assert.deepEqual(await eventsOf(late), [polled]);
    for (const client of clients) await client.return();
  }));

test("a client that follows and reads nothing holds up nobody, and is hung up on", () =>
  withControl(async ({ path, events, follow, status, clock, logger }) => {
    const lively = follow();
    await lively.next();
    const stuck = await drivers.sockets.connectUnix(path, { timeoutMs: 5000 });
    await stuck.write(new TextEncoder().encode('{"v":1,"do":"follow"}\n'));
    const message = "x".repeat(10_000);
    let seen = 0;
    // More than the system keeps for a socket, so that a line is stuck on its way.
    for (let n = 0; n < 500; n++) {
      events.take({ type: "failure", what: "poll", code: "a.b", message, nextAttemptSeconds: 1 });
      const next = await lively.next();
      if (next.done !== true && "event" in next.value) seen++;
    }
    assert.equal(seen, 500);
    assert.deepEqual((await status() as { ok: boolean }).ok, true);
    await waitUntil("the limit of a write", () => clock.pendingTimers > 0);
    await clock.advance(30_000);
    await waitUntil("the end", () => logger.all().includes("takes nothing"));
    // What had arrived can be read; then it is over.
    assert.ok(await bytesUpToTheEnd(stuck) < 500 * 10_000);
    stuck.close();
    await lively.return();
  }));

async function bytesUpToTheEnd(connection: SocketConnection): Promise<number> {
  let count = 0;
  try {
    for await (const chunk of connection.readable) count += chunk.length;
  } catch {
    // Cut in the middle: an end as well.
  }
  return count;
}

test("a client that follows has no further requests, whatever it sends", () =>
  withControl(async ({ path, events }) => {
    const client = await drivers.sockets.connectUnix(path, { timeoutMs: 5000 });
    const send = (text: string): Promise<void> => client.write(new TextEncoder().encode(text));
    await send('{"v":1,"do":"follow"}\n');
    const chunks = client.readable[Symbol.asyncIterator]();
    await chunks.next();
    await send('rubbish\n{"v":1,"do":"status"}\n');
    events.take(polled);
    const { value } = await chunks.next();
    assert.equal(
      new TextDecoder().decode(value),
      `${JSON.stringify({ ok: true, event: polled })}\n`,
    );
    client.abort();
  }));

test("followControl() ends with the reason of its signal, and says when nobody is there", () =>
  withControl(async ({ path }) => {
    const controller = new AbortController();
    const lines = followControl(drivers, path, controller.signal);
    await lines.next();
    const waiting = lines.next();
    controller.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await assert.rejects(
      followControl(drivers, `${path}.not`, new AbortController().signal).next(),
      (error) => isMenderError(error, "control.nobody"),
    );
  }));
