import assert from "node:assert/strict";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { byHolder, type ByHolderOptions } from "../../../lib/daemon/by_holder.ts";
import type { ControlAnswer } from "../../../lib/daemon/control/protocol.ts";
import { guardInstance } from "../../../lib/daemon/instance_guard.ts";
import type { SocketListener } from "../../../lib/runtime/socket_driver.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { fastClock } from "../../support/fast_clock.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { leaveStaleSocket } from "../../support/stale_socket.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const host = await hostDrivers();
const drivers = { ...host, clock: fastClock(40) };
const DEPLOYMENT = "5b1d2f3a-0000-4000-8000-00000000000f";
const HERE: ControlAnswer = { ok: true, by: "here" };
const never = new AbortController().signal;

function ask(path: string, more: Partial<ByHolderOptions> = {}): Promise<ControlAnswer> {
  return byHolder({
    drivers,
    path,
    request: { v: 1, do: "report", deployment: DEPLOYMENT },
    here: () => Promise.resolve(HERE),
    logger: logRecorder(),
    signal: never,
    ...more,
  });
}

function hold(
  path: string,
  role: "daemon" | "report",
  answers: readonly (ControlAnswer | "silence")[],
): Promise<SocketListener> {
  let asked = 0;
  return guardInstance(drivers, path, {
    role,
    pid: 4711,
    handler: () => {
      const answer = answers[Math.min(asked++, answers.length - 1)]!;
      return answer === "silence" ? new Promise<ControlAnswer>(() => {}) : answer;
    },
    logger: logRecorder(),
    signal: never,
  });
}

async function withPath(body: (path: string) => Promise<void>): Promise<void> {
  await inTemporaryDirectory((directory) => body(join(directory, "daemon.sock")));
}

test("byHolder() does it here when nobody holds the instance, holding it meanwhile", async () => {
  await withPath(async (path) => {
    let seen: unknown;
    const here = async (): Promise<ControlAnswer> => {
      // Whoever comes now is told to wait.
      seen = await ask(path, { signal: AbortSignal.timeout(200) }).catch((error) => error.name);
      return HERE;
    };
    assert.deepEqual(await ask(path, { here }), HERE);
    assert.equal(seen, "TimeoutError");
    assert.deepEqual(await ask(path), HERE);
  });
});

test("byHolder() does it here over the socket of a dead process", async () => {
  await withPath(async (path) => {
    await leaveStaleSocket(path);
    assert.deepEqual(await ask(path), HERE);
  });
});

test("byHolder() has a running daemon do it, and takes its word", async () => {
  await withPath(async (path) => {
    const done = { ok: true, state: "delivered" } as const;
    const refused = { ok: false, code: "handoff.already-reported", message: "no" } as const;
    for (const answer of [done, refused]) {
      const daemon = await hold(path, "daemon", [answer]);
      assert.deepEqual(await ask(path), answer);
      await daemon.close();
    }
  });
});

for (const code of ["control.busy", "control.ending"]) {
  test(`byHolder() asks again when it is told ${code}`, async () => {
    await withPath(async (path) => {
      const busy = { ok: false, code, message: "later" } as const;
      const daemon = await hold(path, "daemon", [busy, busy, { ok: true, at: "last" }]);
      assert.deepEqual(await ask(path), { ok: true, at: "last" });
      await daemon.close();
    });
  });
}

test("byHolder() does it here after a daemon that went away in the middle", async () => {
  await withPath(async (path) => {
    const daemon = await hold(path, "daemon", ["silence"]);
    const answer = ask(path);
    await daemon.close();
    assert.deepEqual(await answer, HERE);
  });
});

for (const errno of ["ECONNRESET", "EPIPE"]) {
  test(`byHolder() looks again when connecting fails with ${errno}: the daemon has just gone`, async () => {
    await withPath(async (path) => {
      let calls = 0;
      const sockets = {
        ...host.sockets,
        connectUnix: (to: string, options: { timeoutMs: number }) =>
          calls++ === 0
            ? Promise.reject(Object.assign(new Error(errno), { code: errno }))
            : host.sockets.connectUnix(to, options),
      };
      assert.deepEqual(await ask(path, { drivers: { ...drivers, sockets } }), HERE);
    });
  });
}

test("byHolder() gives up on a daemon that does not answer, and does nothing beside it", async () => {
  await withPath(async (path) => {
    const daemon = await hold(path, "daemon", ["silence"]);
    await assert.rejects(
      ask(path, { here: () => Promise.reject(new Error("beside a daemon")) }),
      (error) => isMenderError(error, "control.no-answer"),
    );
    await daemon.close();
  });
});

test("byHolder() lets the instance go when what it does here fails", async () => {
  await withPath(async (path) => {
    await assert.rejects(ask(path, { here: () => Promise.reject(new Error("no")) }), /no/);
    assert.deepEqual(await ask(path), HERE);
  });
});

test("the control socket answers garbage with an error, and goes on for others", async () => {
  await withPath(async (path) => {
    const daemon = await hold(path, "daemon", [{ ok: true }]);
    const send = async (line: string): Promise<string> => {
      const peer = await host.sockets.connectUnix(path, { timeoutMs: 2000 });
      let text = "";
      try {
        await peer.write(new TextEncoder().encode(`${line}\n`));
        for await (const chunk of peer.readable) text += new TextDecoder().decode(chunk);
      } finally {
        peer.close();
      }
      return text;
    };
    const lines = [
      "",
      "nonsense",
      "{}",
      '{"v":2,"do":"hello"}',
      '{"v":1,"do":"report","deployment":"../x"}',
      '{"v":1,"do":"announce","deployment":"0f","status":"success"}',
      "[".repeat(30_000),
    ];
    for (const line of lines) {
      assert.equal(JSON.parse(await send(line)).code, "control.bad-request", line.slice(0, 60));
    }
    // What is far too long is not read to its end; whether the answer still arrives is a matter of luck.
    await send("x".repeat(1 << 20)).catch((error) => assert.match(error.code, /EPIPE|ECONNRESET/));
    assert.deepEqual(await ask(path), { ok: true });
    await daemon.close();
  });
});
