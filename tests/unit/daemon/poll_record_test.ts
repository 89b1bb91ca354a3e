import assert from "node:assert/strict";
import { PollRecord } from "../../../lib/daemon/poll_record.ts";
import { test } from "../../support/test.ts";

test("PollRecord is stale a limit after the start, the last answer, or the end of an excuse", () => {
  const polls = new PollRecord();
  polls.begin(1000);
  assert.deepEqual([polls.isStale(1100, 100), polls.isStale(1101, 100)], [false, true]);
  polls.answered(2000);
  assert.deepEqual([polls.isStale(2100, 100), polls.isStale(2101, 100)], [false, true]);
  polls.excuse(3000);
  assert.deepEqual([polls.isStale(3100, 100), polls.isStale(3101, 100)], [false, true]);
  polls.excuse(500); // one that is over counts for nothing
  assert.equal(polls.isStale(2101, 100), true);
});

test("PollRecord tells how long ago the last answer was, when there was one", () => {
  const polls = new PollRecord();
  polls.begin(1000);
  assert.equal(polls.sinceAnswer(1500), undefined);
  polls.answered(2000);
  assert.equal(polls.sinceAnswer(2300), 300);
});
