import assert from "node:assert/strict";
import { Interrupted, interruption } from "../../../cli/interrupted.ts";
import type { SignalDriver, SignalName } from "../../../lib/runtime/drivers.ts";
import { test } from "../../support/test.ts";

/** Signals that are sent by hand. */
function handSent(): { signals: SignalDriver; send: (name: SignalName) => void } {
  const heard = new Map<SignalName, () => void>();
  return {
    signals: {
      on(name, handler) {
        heard.set(name, handler);
        return () => void heard.delete(name);
      },
    },
    send: (name) => heard.get(name)?.(),
  };
}

for (const name of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
  test(`interruption() is aborted by ${name}`, () => {
    const { signals, send } = handSent();
    const { signal } = interruption(signals);
    assert.equal(signal.aborted, false);
    send(name);
    assert.ok(signal.reason instanceof Interrupted);
    assert.equal(signal.reason.signal, name);
  });
}

test("interruption() that outlives its terminal ends by SIGTERM only", () => {
  const { signals, send } = handSent();
  const { signal, outliveTerminal } = interruption(signals);
  outliveTerminal();
  send("SIGHUP");
  assert.equal(signal.aborted, false);
  send("SIGTERM");
  assert.equal(signal.reason.signal, "SIGTERM");
});
