import assert from "node:assert/strict";
import { onAbort } from "../../../lib/runtime/on_abort.ts";
import { test } from "../../support/test.ts";

test("onAbort() calls all who wait, once and in order", () => {
  const controller = new AbortController();
  const calls: string[] = [];
  onAbort(controller.signal, () => calls.push("first"));
  onAbort(controller.signal, () => calls.push("second"));
  assert.deepEqual(calls, []);
  controller.abort();
  controller.abort();
  assert.deepEqual(calls, ["first", "second"]);
});

test("onAbort() calls at once when the signal is aborted already", () => {
  const calls: string[] = [];
  const forget = onAbort(AbortSignal.abort(), () => calls.push("called"));
  assert.deepEqual(calls, ["called"]);
  forget();
});

test("onAbort() never calls without a signal", () => {
  onAbort(undefined, () => assert.fail("called"))();
});

test("onAbort() does not call who was taken back, also by one that is called before", () => {
  const controller = new AbortController();
  const calls: string[] = [];
  const wait = (name: string): () => void => onAbort(controller.signal, () => calls.push(name));
  wait("early")();
  onAbort(controller.signal, () => forgetLate());
  const forgetLate = wait("late");
  wait("last");
  controller.abort();
  assert.deepEqual(calls, ["last"]);
});

test("onAbort() takes back one of two that wait with the same function", () => {
  const controller = new AbortController();
  let calls = 0;
  const callback = (): void => void calls++;
  const forget = onAbort(controller.signal, callback);
  onAbort(controller.signal, callback);
  forget();
  controller.abort();
  assert.equal(calls, 1);
});

test("onAbort() listens to a signal once, however often it is waited for", () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const listen = signal.addEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof listen>): void => {
    listeners++;
    listen(...given);
  };
  for (let i = 0; i < 1000; i++) onAbort(signal, () => {})();
  assert.equal(listeners, 1);
});
