import assert from "node:assert/strict";
import { parsePolicy } from "../../../../lib/control/policy/policy.ts";
import {
  isOpenAt,
  type MaintenanceWindow,
  nextOpening,
} from "../../../../lib/control/policy/window.ts";
import { addDays, isTimeZone, localTime } from "../../../../lib/core/local_time.ts";
import { test } from "../../../support/test.ts";

const BERLIN = "Europe/Berlin";

/** Windows in the words of a policy. */
function windowsOf(...windows: Record<string, unknown>[]): readonly MaintenanceWindow[] {
  const text = JSON.stringify({ states: { ArtifactInstall_Enter: { windows } } });
  return parsePolicy(text).states.ArtifactInstall_Enter?.windows ?? [];
}

const NIGHT = { from: "22:00", to: "04:00" };
const HALF_PAST_TWO = { from: "02:30", to: "02:45" };

/** Times are UTC; in Berlin it is one hour later in winter, two in summer. */
const cases: [
  name: string,
  window: Record<string, unknown>,
  at: string,
  isOpen: boolean,
  opensNext: string | undefined,
][] = [
  [
    "before it opens",
    { from: "10:00", to: "12:00" },
    "2027-01-04T08:59",
    false,
    "2027-01-04T09:00",
  ],
  ["at its first minute", { from: "10:00", to: "12:00" }, "2027-01-04T09:00", true, undefined],
  ["in its last minute", { from: "10:00", to: "12:00" }, "2027-01-04T10:59", true, undefined],
  ["at its end", { from: "10:00", to: "12:00" }, "2027-01-04T11:00", false, "2027-01-05T09:00"],
  ["over midnight, before it", NIGHT, "2027-01-04T22:30", true, undefined],
  ["over midnight, after it", NIGHT, "2027-01-05T02:59", true, undefined],
  ["over midnight, at its end", NIGHT, "2027-01-05T03:00", false, "2027-01-05T21:00"],
  [
    "up to midnight, in its last minute",
    { from: "22:00", to: "00:00" },
    "2027-01-04T22:59",
    true,
    undefined,
  ],
  [
    "up to midnight, at its end",
    { from: "22:00", to: "24:00" },
    "2027-01-04T23:00",
    false,
    "2027-01-05T21:00",
  ],
  ["all day", { from: "00:00", to: "24:00" }, "2027-01-04T23:00", true, undefined],
  // 2027-01-04 is a Monday.
  [
    "on its day",
    { days: ["mon"], from: "10:00", to: "12:00" },
    "2027-01-04T09:30",
    true,
    undefined,
  ],
  [
    "on another day",
    { days: ["tue"], from: "10:00", to: "12:00" },
    "2027-01-04T09:30",
    false,
    "2027-01-05T09:00",
  ],
  [
    "on the next week's day",
    { days: ["sun"], from: "10:00", to: "12:00" },
    "2027-01-04T09:30",
    false,
    "2027-01-10T09:00",
  ],
  ["after midnight of its day", { days: ["mon"], ...NIGHT }, "2027-01-05T01:00", true, undefined],
  [
    "after midnight of the day before",
    { days: ["tue"], ...NIGHT },
    "2027-01-05T01:00",
    false,
    "2027-01-05T21:00",
  ],
  [
    "on its date",
    { date: "2027-06-01", from: "10:00", to: "12:00" },
    "2027-06-01T08:00",
    true,
    undefined,
  ],
  [
    "before its date",
    { date: "2027-06-01", from: "10:00", to: "12:00" },
    "2027-01-04T08:00",
    false,
    "2027-06-01T08:00",
  ],
  [
    "after its date",
    { date: "2027-06-01", from: "10:00", to: "12:00" },
    "2027-06-01T10:00",
    false,
    undefined,
  ],
  [
    "on a date that is no such day",
    { date: "2027-06-01", days: ["mon"], from: "10:00", to: "12:00" },
    "2027-05-31T09:00",
    false,
    undefined,
  ],
  // Spring: 2027-03-28, 02:00 becomes 03:00 (01:00 UTC).
  ["in spring, the day before", HALF_PAST_TWO, "2027-03-27T01:30", true, undefined],
  [
    "in spring, in the hour that is skipped",
    HALF_PAST_TWO,
    "2027-03-28T01:00",
    false,
    "2027-03-29T00:30",
  ],
  [
    "in spring, over the skipped hour",
    { from: "01:00", to: "04:00" },
    "2027-03-28T01:59",
    true,
    undefined,
  ],
  [
    "in spring, after the skipped hour",
    { from: "01:00", to: "03:00" },
    "2027-03-28T01:00",
    false,
    "2027-03-28T23:00",
  ],
  [
    "in spring, on a date whose hour is skipped",
    { date: "2027-03-28", ...HALF_PAST_TWO },
    "2027-03-27T12:00",
    false,
    undefined,
  ],
  // Autumn: 2027-10-31, 03:00 becomes 02:00 (01:00 UTC).
  ["in autumn, the first time", HALF_PAST_TWO, "2027-10-31T00:30", true, undefined],
  ["in autumn, between the two", HALF_PAST_TWO, "2027-10-31T00:45", false, "2027-10-31T01:30"],
  ["in autumn, the second time", HALF_PAST_TWO, "2027-10-31T01:30", true, undefined],
  [
    "in autumn, over the repeated hour",
    { from: "01:00", to: "04:00" },
    "2027-10-31T02:59",
    true,
    undefined,
  ],
  [
    "in autumn, after it",
    { from: "01:00", to: "04:00" },
    "2027-10-31T03:00",
    false,
    "2027-11-01T00:00",
  ],
];

for (const [name, window, at, isOpen, opensNext] of cases) {
  test(`a window ${name} is ${isOpen ? "open" : "closed"}`, () => {
    const windows = windowsOf(window);
    const atMs = Date.parse(`${at}Z`);
    assert.equal(isOpenAt(windows, atMs, BERLIN), isOpen);
    const next = nextOpening(windows, atMs, BERLIN);
    assert.equal(
      next === undefined ? undefined : new Date(next).toISOString().slice(0, 16),
      isOpen ? at : opensNext,
    );
  });
}

test("one of several windows is enough", () => {
  const windows = windowsOf({ from: "01:00", to: "02:00" }, { from: "05:00", to: "06:00" });
  const open = Array.from({ length: 24 }, (_, hour) => hour)
    .filter((hour) => isOpenAt(windows, Date.UTC(2027, 0, 4, hour), "UTC"));
  assert.deepEqual(open, [1, 5]);
});

test("nextOpening() agrees with looking at every minute, in zones with and without summer time", () => {
  const windows = windowsOf(
    { days: ["sat", "sun"], from: "23:30", to: "02:15" },
    { days: ["wed"], from: "02:20", to: "02:40" },
  );
  for (const zone of ["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]) {
    for (const start of [Date.UTC(2027, 2, 12), Date.UTC(2027, 9, 29), Date.UTC(2027, 3, 2)]) {
      for (let hour = 0; hour < 72; hour += 5) {
        const atMs = start + hour * 3_600_000;
        let minute = atMs;
        while (!isOpenAt(windows, minute, zone)) minute += 60_000;
        assert.equal(nextOpening(windows, atMs, zone), minute, `${zone} ${new Date(atMs)}`);
      }
    }
  }
});

test("localTime() reads midnight as the first minute of its day, and addDays() crosses months", () => {
  assert.deepEqual(localTime(Date.UTC(2027, 11, 31, 23), BERLIN), {
    date: "2028-01-01",
    weekday: 6,
    minute: 0,
  });
  assert.equal(addDays("2028-02-28", 1), "2028-02-29");
  assert.equal(addDays("2027-01-01", -1), "2026-12-31");
  assert.deepEqual([isTimeZone("Europe/Berlin"), isTimeZone("Mars/Base")], [true, false]);
});
