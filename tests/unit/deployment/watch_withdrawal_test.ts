import assert from "node:assert/strict";
import { sleep } from "../../../lib/runtime/clock.ts";
import type { DeploymentContext } from "../../../lib/deployment/context.ts";
import { whileWanted, Withdrawn } from "../../../lib/deployment/watch_withdrawal.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import type { ScriptedAnswer } from "../../support/scripted_http.ts";
import { authorisedOn } from "../../support/scripted_session.ts";
import { test } from "../../support/test.ts";

const ID = "5b1d2f3a-0000-4000-8000-00000000000f";

/** Works for a time while a server gives these answers to the status; after them it takes all. */
async function work(forMs: number, answers: readonly ScriptedAnswer[], random: () => number) {
  const asked: number[] = [];
  const { session, clock } = authorisedOn((_, call) => {
    asked.push(clock.monotonic());
    return answers[call] ?? { status: 204 };
  });
  const drivers = { clock, random: { next: random } };
  const context = { drivers, session } as unknown as DeploymentContext;
  const never = new AbortController().signal;
  const logger = logRecorder();
  const working = whileWanted(
    context,
    { id: ID, status: "downloading" },
    logger,
    never,
    (signal) => sleep(clock, forMs, signal),
  );
  const result = await clock.run(working).then(() => "done", (error: unknown) => error);
  session.close(); // its timer for limits outlives a call
  return { asked, result, endedAt: clock.monotonic(), pendingTimers: clock.pendingTimers };
}

test("whileWanted() asks once a minute at most, and at random within half a minute more", async () => {
  const rarely = await work(300_000, [], () => 0);
  assert.deepEqual(rarely.asked, [60_000, 120_000, 180_000, 240_000, 300_000].slice(0, 4));
  const turns = [0, 0.5, 0.999];
  const { asked, result, pendingTimers } = await work(300_000, [], () => turns.shift() ?? 0);
  assert.deepEqual(asked, [60_000, 135_000, 224_970, 284_970]);
  assert.equal(result, "done");
  assert.equal(pendingTimers, 0);
});

for (const status of [409, 404]) {
  test(`whileWanted() ends the work at ${status}`, async () => {
    const answers = [{ status: 204 }, { status }];
    const { asked, result, endedAt, pendingTimers } = await work(600_000, answers, () => 0);
    assert.ok(result instanceof Withdrawn);
    assert.deepEqual([asked.length, endedAt, pendingTimers], [2, 120_000, 0]);
  });
}

test("whileWanted() lets the work go on when the server cannot be asked", async () => {
  const { asked, result } = await work(200_000, [{ status: 500 }, { status: 503 }], () => 0);
  assert.equal(result, "done");
  assert.equal(asked.length, 3);
});
