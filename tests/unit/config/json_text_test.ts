import assert from "node:assert/strict";
import { JsonSyntaxError, parseJsonText } from "../../../lib/config/json_text.ts";
import { test } from "../../support/test.ts";

test("parseJsonText() reads what JSON.parse reads", () => {
  const texts = [
    '{"a":1,"b":[true,false,null,-1.5e3,0],"c":{"d":"\\u00e5\\n\\"\\\\ x"}}',
    " \t\r\n[ ] ",
    "{ }",
    '"text"',
    "12",
    '[[[{"a":[]}]]]',
    JSON.stringify({ long: "é".repeat(300_000) }),
  ];
  for (const text of texts) {
    const { value, repeatedKeys } = parseJsonText(text);
    assert.equal(JSON.stringify(value), JSON.stringify(JSON.parse(text)));
    assert.deepEqual(repeatedKeys, []);
  }
});

test("parseJsonText() lists repeated keys and lets the last one win", () => {
  const { value, repeatedKeys } = parseJsonText('{"a":1,"b":{"c":1,"c":2},"a":3}');
  assert.equal(JSON.stringify(value), '{"a":3,"b":{"c":2}}');
  assert.deepEqual(repeatedKeys, ["b.c", "a"]);
});

test("parseJsonText() treats __proto__ as any other key", () => {
  const { value } = parseJsonText('{"__proto__":{"x":1}}') as { value: Record<string, unknown> };
  assert.deepEqual(Object.keys(value), ["__proto__"]);
  assert.equal(value.x, undefined);
});

const faults: [name: string, text: string, line: number, column: number, says: RegExp][] = [
  ["nothing", "", 1, 1, /ends where a value/],
  ["an open object", '{"a":1', 1, 7, /ends where a comma or a closing brace/],
  ["a comma at the end", '{\n  "a": 1,\n}', 3, 1, /comma stands before the closing brace/],
  ["a comma at the end of a list", "[1,]", 1, 4, /comma stands before the closing bracket/],
  ["a missing comma", '{"a":1\n"b":2}', 2, 1, /found "\\"" where a comma/],
  ["a missing colon", '{"a" 1}', 1, 6, /colon/],
  ["single quotes", "{'a':1}", 1, 2, /double quotes/],
  ["a bare name", "{a:1}", 1, 2, /double quotes/],
  ["a comment", '{\n// mine\n"a":1}', 2, 1, /no comments/],
  ["an open text", '{"a":"b}', 1, 6, /not closed/],
  ["a line break in a text", '"a\nb"', 1, 1, /not closed, or not well formed/],
  ["a bad escape", '"\\x"', 1, 1, /well formed/],
  ["a leading zero", "[01]", 1, 3, /closing bracket/],
  ["a word", "[yes]", 1, 2, /a value/],
  ["not a number", "[NaN]", 1, 2, /a value/],
  ["two values", "{} {}", 1, 4, /the end/],
  ["deep nesting", "[".repeat(100_000), 1, 33, /deeper/],
];
for (const [name, text, line, column, says] of faults) {
  test(`parseJsonText() names the place of ${name}`, () => {
    assert.throws(() => parseJsonText(text), (error) => {
      assert.ok(error instanceof JsonSyntaxError);
      assert.equal(error.name, "JsonSyntaxError");
      assert.deepEqual([error.line, error.column], [line, column], error.message);
      assert.match(error.message, says);
      return true;
    });
    if (name !== "deep nesting") assert.throws(() => JSON.parse(text), SyntaxError);
  });
}
