import assert from "node:assert/strict";
import { durationText, parseDuration } from "../../../lib/core/duration.ts";
import { test } from "../../support/test.ts";

const read: [text: string, ms: number | undefined][] = [
  ["90", 90_000],
  ["90s", 90_000],
  ["15m", 900_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  [" 1h30m ", 5_400_000],
  ["365d", 31_536_000_000],
  ["0", undefined],
  ["0s", undefined],
  ["366d", undefined],
  ["99999999999999999999", undefined],
  ["", undefined],
  ["-5", undefined],
  ["1.5h", undefined],
  ["5 m", undefined],
  ["5x", undefined],
  ["soon", undefined],
];

for (const [text, ms] of read) {
  test(`parseDuration() makes ${ms} of "${text}"`, () => {
    assert.equal(parseDuration(text), ms);
  });
}

test("durationText() rounds to what matters", () => {
  const minute = 60_000;
  const texts = [
    ...[-5, 0, 400, 45_000, 119_000].map(durationText),
    ...[2 * minute, 119 * minute, 120 * minute, 200 * minute].map(durationText),
    ...[48 * 60 * minute, 52 * 60 * minute].map(durationText),
  ];
  assert.deepEqual(texts, [
    ...["0 s", "0 s", "0 s", "45 s", "119 s"],
    ...["2 min", "119 min", "2 h", "3 h 20 min"],
    ...["2 d", "2 d 4 h"],
  ]);
});
