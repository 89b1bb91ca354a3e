import assert from "node:assert/strict";
import { LOG_LEVELS } from "../../../lib/core/logger.ts";
import { parseLogLevel } from "../../../lib/core/logger.ts";
import { atLeast, jsonLine, type LogRecord, logTo, textLine } from "../../../lib/log/record.ts";
import { Redactor } from "../../../lib/log/redactor.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { test } from "../../support/test.ts";

const TIME = "2030-01-02T03:04:05.000Z";

/** Logs once and gives the record. */
function recordOf(...args: Parameters<ReturnType<typeof logTo>["log"]>): LogRecord {
  const records: LogRecord[] = [];
  logTo([(record) => void records.push(record)], new Redactor(), new FakeClock()).log(...args);
  assert.equal(records.length, 1);
  return records[0]!;
}

test("logTo() makes a record with the chain of causes", () => {
  const error = new Error("outer", { cause: new Error("inner\nline") });
  assert.deepEqual(recordOf("error", "Cannot do it", { n: 1, gone: undefined }, error), {
    timestamp: TIME,
    level: "error",
    message: "Cannot do it",
    fields: { n: 1 },
    causes: ["outer", "inner line"],
  });
});

test("logTo() masks secrets in message, fields and causes", () => {
  const secret = "Bearer abcdefgh";
  const record = recordOf("info", secret, { header: secret }, new Error(secret));
  const masked = "Bearer ***";
  assert.deepEqual(
    [record.message, record.fields["header"], record.causes[0]],
    Array(3).fill(masked),
  );
});

const dirty: [name: string, text: string, expected: string][] = [
  ["line ends", "a\r\n  b\n", "a b"],
  ["escape sequences", "\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"],
  ["zero, bell and delete", "a\0b\x07c\x7f", "a\ufffdb\ufffdc\ufffd"],
  ["control characters of eight bits", "a\x9b31mb\x85", "a\ufffd31mb\ufffd"],
  ["a tab", "a\tb", "a\tb"],
  ["other letters", "Gerät 装置", "Gerät 装置"],
];
for (const [name, text, expected] of dirty) {
  test(`logTo() makes text with ${name} harmless`, () => {
    const record = recordOf("info", text, { field: text }, new Error(text));
    assert.deepEqual(
      [record.message, record.fields["field"], record.causes[0]],
      Array(3).fill(expected),
    );
  });
}

for (
  const [name, startsAt] of [["NaN", NaN], ["before all dates", -1e20], [
    "after all",
    1e20,
  ]] as const
) {
  test(`logTo() survives a clock that says ${name}`, () => {
    const records: LogRecord[] = [];
    const clock = new FakeClock(startsAt);
    logTo([(record) => void records.push(record)], new Redactor(), clock).log("info", "x");
    assert.equal(records[0]?.timestamp, "1970-01-01T00:00:00.000Z");
  });
}

test("logTo() goes on when a sink fails, and tells the others once", () => {
  const heard: string[] = [];
  const broken = (): void => {
    throw new Error("ENOSPC: no space left");
  };
  const sinks = [broken, (record: LogRecord) => void heard.push(textLine(record))];
  const logger = logTo(sinks, new Redactor(), new FakeClock());
  logger.log("info", "one");
  logger.log("info", "two");
  assert.equal(heard.length, 3);
  assert.match(heard[0]!, /INFO one/);
  assert.match(heard[1]!, /WARNING .*log.*: ENOSPC: no space left/);
  assert.match(heard[2]!, /INFO two/);
});

test("logTo() with nothing but a failing sink does not fail", () => {
  const logger = logTo(
    [() => {
      throw new Error("broken");
    }],
    new Redactor(),
    new FakeClock(),
  );
  logger.log("info", "nobody hears this");
});

test("logTo() makes no record that no sink wants, and every one that some sink wants", () => {
  const passed: string[] = [];
  let looks = 0;
  const field = {
    get fact() {
      looks++;
      return 1;
    },
  };
  const keep = (record: LogRecord): void => void passed.push(record.level);
  const clock = new FakeClock();
  const picky = logTo([atLeast(() => "info", keep)], new Redactor(), clock);
  picky.log("debug", "x", field);
  assert.deepEqual([passed, looks], [[], 0]);
  picky.log("info", "x", field);
  logTo([atLeast(() => "info", keep), keep], new Redactor(), clock).log("debug", "x", field);
  assert.deepEqual(passed, ["info", "debug"]);
  assert.ok(looks > 0);
});

for (const least of LOG_LEVELS) {
  test(`atLeast() passes ${least} and what is worse`, () => {
    const passed: string[] = [];
    const sink = atLeast(() => least, (record) => void passed.push(record.level));
    for (const level of LOG_LEVELS) sink({ ...recordOf("info", "x"), level });
    assert.deepEqual(passed, LOG_LEVELS.slice(LOG_LEVELS.indexOf(least)));
  });
}

const levels: [name: string, expected: string | undefined][] = [
  ...LOG_LEVELS.map((level): [string, string] => [level, level]),
  ["critical", "fatal"],
  ["panic", "fatal"],
  ["warn", "warning"],
  [" WARNING ", "warning"],
  ["Info", "info"],
  ["verbose", undefined],
  ["", undefined],
  ["info,debug", undefined],
];
for (const [name, expected] of levels) {
  test(`parseLogLevel() reads "${name}" as ${expected}`, () => {
    assert.equal(parseLogLevel(name), expected);
  });
}

const lines: [name: string, record: LogRecord, text: string, json: unknown][] = [
  ["a message alone", recordOf("info", "Started"), `${TIME} INFO Started\n`, {
    timestamp: TIME,
    level: "info",
    message: "Started",
  }],
  [
    "fields",
    recordOf("warning", "Late", { path: "/a/b", text: "two words", n: 2, ok: true, none: null }),
    `${TIME} WARNING Late path=/a/b text="two words" n=2 ok=true none=null\n`,
    {
      timestamp: TIME,
      level: "warning",
      message: "Late",
      path: "/a/b",
      text: "two words",
      n: 2,
      ok: true,
      none: null,
    },
  ],
  [
    "causes",
    recordOf("error", "Failed", {}, new Error("why", { cause: new Error("deeper") })),
    `${TIME} ERROR Failed: why: deeper\n`,
    { timestamp: TIME, level: "error", message: "Failed", causes: ["why", "deeper"] },
  ],
  [
    "an error that says what the message says",
    recordOf("error", "Cannot do it", {}, new Error("Cannot do it")),
    `${TIME} ERROR Cannot do it\n`,
    { timestamp: TIME, level: "error", message: "Cannot do it", causes: ["Cannot do it"] },
  ],
];
for (const [name, record, text, json] of lines) {
  test(`textLine() and jsonLine() write ${name} on one line`, () => {
    assert.equal(textLine(record), text);
    const line = jsonLine(record);
    assert.match(line, /^\{"timestamp":"[^\n]*\}\n$/);
    assert.deepEqual(JSON.parse(line), json);
  });
}

test("jsonLine() keeps its own keys when a field has the same name", () => {
  const record = recordOf("info", "Said", { message: "other", level: "other", timestamp: "other" });
  assert.deepEqual(JSON.parse(jsonLine(record)), {
    timestamp: TIME,
    level: "info",
    message: "Said",
  });
});

test("textLine() leaves out the causes that a message before them quotes", () => {
  const parts = [
    new Error("one is down", { cause: new Error("refused") }),
    new Error("two is gone"),
  ];
  const reasons = "one is down: refused; two is gone";
  const error = new Error(`Cannot: ${reasons}`, { cause: new AggregateError(parts, reasons) });
  const line = textLine(recordOf("warning", "Failed", {}, error));
  assert.equal(line, `${TIME} WARNING Failed: Cannot: one is down: refused; two is gone\n`);
});
