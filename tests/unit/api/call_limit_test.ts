import assert from "node:assert/strict";
import { isMenderError } from "../../../lib/core/errors.ts";
import { authorisedOn, sessionOn } from "../../support/scripted_session.ts";
import { test } from "../../support/test.ts";

const MINUTE_MS = 60_000;
const call = { method: "PUT", path: "/api/devices/v1/x" } as const;

test("call() gives a server that says nothing one minute", async () => {
  const { session, clock } = authorisedOn(() => ({ isSilent: true }));
  await session.authenticate();
  const start = clock.monotonic();
  await assert.rejects(clock.run(session.call(call)), (error) => isMenderError(error));
  assert.equal(clock.monotonic() - start, MINUTE_MS);
});

test("call() gives an answer that stops in mid-body one minute", async () => {
  const { session, clock } = authorisedOn(() => ({ body: "begin", then: "silence" }));
  await session.authenticate();
  const start = clock.monotonic();
  await assert.rejects(clock.run(session.call(call)), (error) => isMenderError(error));
  assert.equal(clock.monotonic() - start, MINUTE_MS);
});

test("authenticate() gives each server that says nothing one minute", async () => {
  const servers = ["https://one.example", "https://two.example"];
  const { session, clock, http } = sessionOn(() => ({ isSilent: true }), { servers });
  const start = clock.monotonic();
  await assert.rejects(clock.run(session.authenticate()), Error);
  assert.equal(clock.monotonic() - start, servers.length * MINUTE_MS);
  assert.equal(http.requests.length, servers.length);
  assert.equal(clock.pendingTimers, 0);
});
