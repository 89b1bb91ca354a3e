import assert from "node:assert/strict";
import { logMessages } from "../../../lib/deployment/deployment_log_upload.ts";
import { test } from "../../support/test.ts";

const NOW = "2030-01-02T03:04:05.000Z";
const THEN = "2029-12-31T23:59:59.000Z";
const line = (fields: object): string => `${JSON.stringify(fields)}\n`;

const rows: [name: string, own: string, sub: string, expected: [string, string, string][]][] = [
  ["nothing", "", "", [[NOW, "info", "Nothing was logged"]]],
  ["blank lines only", "\n \n", "\n\n", [[NOW, "info", "Nothing was logged"]]],
  ["a record", line({ timestamp: THEN, level: "error", message: "Failed" }), "", [[
    THEN,
    "error",
    "Failed",
  ]]],
  [
    "a record with causes",
    line({ timestamp: THEN, level: "error", message: "Failed", causes: ["why", 7] }),
    "",
    [[THEN, "error", "Failed: why: 7"]],
  ],
  ["a record of the Python client", line({ level: "INFO", timestamp: THEN, message: "x" }), "", [[
    THEN,
    "INFO",
    "x",
  ]]],
  ["a record without time and level", line({ message: "x" }), "", [[NOW, "info", "x"]]],
  ["a time that is none", line({ timestamp: "yesterday", level: "info", message: "x" }), "", [[
    NOW,
    "info",
    "x",
  ]]],
  ["empty parts", line({ timestamp: "", level: "", message: "x" }), "", [[NOW, "info", "x"]]],
  ["parts of another type", line({ timestamp: 5, level: null, message: "x" }), "", [[
    NOW,
    "info",
    "x",
  ]]],
  ["an empty message", line({ timestamp: THEN, level: "info", message: "" }), "", [
    [NOW, "info", `{"timestamp":"${THEN}","level":"info","message":""}`],
  ]],
  ["half a line", '{"timestamp":"20', "", [[NOW, "info", '{"timestamp":"20']]],
  ["lines that are no objects", "[]\nnull\n5\n", "", [[NOW, "info", "[]"], [NOW, "info", "null"], [
    NOW,
    "info",
    "5",
  ]]],
  ["what the sub-updater wrote, behind", line({ message: "own" }), "one\r\n\n  two\n{}", [
    [NOW, "info", "own"],
    [NOW, "info", "one"],
    [NOW, "info", "two"],
    [NOW, "info", "{}"],
  ]],
];
for (const [name, own, sub, expected] of rows) {
  test(`logMessages() makes messages of ${name}`, () => {
    const messages = logMessages(own, sub, NOW);
    assert.deepEqual(messages.map((each) => [each.timestamp, each.level, each.message]), expected);
  });
}

const size = (messages: unknown): number =>
  new TextEncoder().encode(JSON.stringify({ messages })).length;

test("logMessages() stays below 1 MiB, keeps the newest lines and counts the others", () => {
  const own = Array.from(
    { length: 3000 },
    (_, at) => line({ message: `${at} ${"ä".repeat(300)}` }),
  );
  const messages = logMessages(own.join(""), "last", NOW);
  assert.ok(size(messages) < 1 << 20, `${size(messages)}`);
  assert.ok(size(messages) > 700_000, `${size(messages)}`);
  const [note, first] = messages;
  const left = 3000 - (messages.length - 2);
  assert.deepEqual([note?.level, note?.message], ["warning", `${left} older lines were left out`]);
  assert.ok(first?.message.startsWith(`${left} `), first?.message.slice(0, 20));
  assert.equal(messages.at(-1)?.message, "last");
});

test("logMessages() cuts a line that has no end, and keeps what stands before it", () => {
  const messages = logMessages(
    line({ message: "Failed" }),
    `${"\u0001".repeat(3_000_000)}\nlast`,
    NOW,
  );
  assert.ok(size(messages) < 1 << 20, `${size(messages)}`);
  assert.deepEqual([messages[0]?.message, messages.at(-1)?.message], ["Failed", "last"]);
  assert.match(messages[1]?.message ?? "", /…$/);
});

test("logMessages() of very many short lines is bounded too", () => {
  const messages = logMessages("", "x\n".repeat(500_000), NOW);
  assert.ok(size(messages) < 1 << 20, `${size(messages)}`);
});
