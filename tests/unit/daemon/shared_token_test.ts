import assert from "node:assert/strict";
import type { Authorization } from "../../../lib/api/device_session.ts";
import { SharedToken } from "../../../lib/daemon/shared_token.ts";
import { settled } from "../../support/fake_clock.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { test } from "../../support/test.ts";

const token: Authorization = { token: "aaa.bbb.ccc", serverUrl: "https://one.example" };

function shared(authenticate: () => Promise<void> = () => Promise.resolve()) {
  const logger = logRecorder();
  return { logger, shared: new SharedToken({ authenticate, logger }) };
}

test("SharedToken gives what was told last, and asks nobody", () => {
  const { shared: subject } = shared(() => assert.fail("it was asked"));
  assert.equal(subject.current(), undefined);
  subject.tell(token);
  assert.deepEqual(subject.current(), token);
  subject.tell(undefined);
  assert.equal(subject.current(), undefined);
});

test("SharedToken tells everything on, the same again included, to those that follow", () => {
  const { shared: subject } = shared();
  const seen: (Authorization | undefined)[] = [];
  const leave = subject.follow((each) => seen.push(each));
  for (const each of [token, token, undefined]) subject.tell(each);
  leave();
  subject.tell(token);
  assert.deepEqual(seen, [token, token, undefined]);
});

test("SharedToken makes one attempt of a thousand requests at once, and another one afterwards", async () => {
  let attempts = 0;
  let end = (): void => {};
  const { shared: subject } = shared(() => {
    attempts++;
    return new Promise((resolve) => end = resolve);
  });
  for (let count = 0; count < 1000; count++) subject.fetch();
  assert.equal(attempts, 1);
  end();
  await settled();
  subject.fetch();
  assert.equal(attempts, 2);
});

test("SharedToken outlives an attempt that fails, and says no secret", async () => {
  const { shared: subject, logger } = shared(() => Promise.reject(new Error("ending")));
  subject.tell(token);
  subject.fetch();
  await settled();
  subject.fetch();
  await settled();
  assert.deepEqual(subject.current(), token);
  assert.equal(logger.all().match(/ending/g)?.length, 2);
  assert.doesNotMatch(logger.all(), /aaa/);
});
