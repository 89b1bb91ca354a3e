import assert from "node:assert/strict";
import { addValues, type Attributes, parseKeyValue } from "../../../lib/core/key_value.ts";
import { test } from "../../support/test.ts";

const rows: [
  name: string,
  text: string,
  attributes: [string, string[]][],
  badLines?: string[],
][] = [
  ["one line without an end", "mac=02:00", [["mac", ["02:00"]]]],
  ["several keys in their order", "b=1\na=2\n", [["b", ["1"]], ["a", ["2"]]]],
  ["a repeated key", "ip=10.0.0.1\nx=1\nip=fe80::1\n", [["ip", ["10.0.0.1", "fe80::1"]], ["x", [
    "1",
  ]]]],
  ["the same value twice", "a=1\na=1\n", [["a", ["1", "1"]]]],
  ["a value with an equals sign", "opts=a=b=c", [["opts", ["a=b=c"]]]],
  ["an empty value", "a=\n", [["a", [""]]]],
  ["blanks around the line only", "  a = b c \r\n", [["a ", [" b c"]]]],
  ["blank lines", "\n\n a=1\n\t\n", [["a", ["1"]]]],
  ["a line without an equals sign", "a=1\nnonsense\n", [["a", ["1"]]], ["nonsense"]],
  ["a line without a key", "=1\na=2", [["a", ["2"]]], ["=1"]],
  ["names of object members", "__proto__=1\nconstructor=2", [["__proto__", ["1"]], ["constructor", [
    "2",
  ]]]],
  ["nothing", "", []],
];
for (const [name, text, attributes, badLines = []] of rows) {
  test(`parseKeyValue() reads ${name}`, () => {
    const parsed = parseKeyValue(text);
    assert.deepEqual([...parsed.attributes], attributes);
    assert.deepEqual(parsed.badLines, badLines);
  });
}

test("addValues() puts values behind those that are there, and keeps no reference", () => {
  const attributes: Attributes = new Map();
  const given = ["1"];
  addValues(attributes, "a", given);
  addValues(attributes, "a", ["2", "3"]);
  assert.deepEqual(attributes.get("a"), ["1", "2", "3"]);
  assert.deepEqual(given, ["1"]);
});
