import assert from "node:assert/strict";
import { backoffSchedule } from "../../../lib/core/backoff_schedule.ts";
import { parseRetryAfter } from "../../../lib/core/retry_after.ts";
import { test } from "../../support/test.ts";

function firstWaits(count: number, maxMs: number, random: number): number[] {
  const waits = backoffSchedule(maxMs, () => random);
  return Array.from({ length: count }, () => waits.next().value);
}

const schedules: [name: string, maxMs: number, random: number, expected: number[]][] = [
  ["without jitter", 10_000, 0, [1500, 3000, 6000, 10_000, 10_000]],
  ["with the most jitter", 10_000, 0.999, [751, 1501, 3003, 5005, 5005]],
  ["with a cap below the first wait", 400, 0, [400, 400, 400, 400, 400]],
];
for (const [name, maxMs, random, expected] of schedules) {
  test(`backoffSchedule() ${name} doubles up to its cap`, () => {
    assert.deepEqual(firstWaits(expected.length, maxMs, random), expected);
  });
}

test("backoffSchedule() asks for jitter at each wait, and never ends", () => {
  let asked = 0;
  const waits = backoffSchedule(300_000, () => (asked++ % 2) / 2);
  for (let at = 0; at < 5000; at++) {
    const { value, done } = waits.next();
    assert.ok(done !== true && value > 0 && value <= 300_000, String(value));
  }
  assert.equal(asked, 5000);
});

for (const maxMs of [0, -1, Number.NaN]) {
  test(`backoffSchedule() refuses a longest wait of ${maxMs}`, () => {
    assert.throws(() => backoffSchedule(maxMs, () => 0).next(), RangeError);
  });
}

const NOW = Date.UTC(2030, 0, 2, 3, 4, 5);
const DAY_MS = 86_400_000;
const headers: [name: string, value: string | undefined, expected: number | undefined][] = [
  ["seconds", "120", 120_000],
  ["seconds with blanks around", " 7 ", 7000],
  ["no wait", "0", 1000],
  ["more than a day", "90000", DAY_MS],
  ["a number beyond counting", "9".repeat(15), DAY_MS],
  ["a date", "Wed, 02 Jan 2030 03:05:05 GMT", 60_000],
  ["a date of the oldest form", "Wed Jan  2 03:05:05 2030", 60_000],
  ["a date with a long day", "Wednesday, 02-Jan-30 03:05:05 GMT", 60_000],
  ["a date that has passed", "Tue, 01 Jan 2030 00:00:00 GMT", 1000],
  ["a date years ahead", "Thu, 02 Jan 2040 00:00:00 GMT", DAY_MS],
  ["an empty header", "", undefined],
  ["no header", undefined, undefined],
  ["a word", "soon", undefined],
  ["a negative number", "-5", undefined],
  ["a fraction", "1.5", undefined],
  ["a word and a number", "after 5", undefined],
  ["a day alone", "Wed, nonsense", undefined],
];
for (const [name, value, expected] of headers) {
  test(`parseRetryAfter() makes ${expected} of ${name}`, () => {
    assert.equal(parseRetryAfter(value, NOW), expected);
  });
}
