import assert from "node:assert/strict";
import { encodeIdentity } from "../../../lib/identity/encode_identity.ts";
import { type IdentityForm, parseIdentity } from "../../../lib/identity/parse_identity.ts";
import { test } from "../../support/test.ts";

const rows: [name: string, text: string, array: string, scalar: string][] = [
  ["one value", "mac=02:11\n", '{"mac":["02:11"]}', '{"mac":"02:11"}'],
  ["a repeated key", "mac=a\nmac=b\n", '{"mac":["a","b"]}', '{"mac":["a","b"]}'],
  ["keys out of order", "b=1\na=2\n", '{"a":["2"],"b":["1"]}', '{"a":"2","b":"1"}'],
  ["blanks at both ends of a line", " a= x y \n", '{"a":[" x y"]}', '{" a":" x y "}'],
  ["blanks before the equals sign", "a =1\n", '{"a ":["1"]}', '{"a ":"1"}'],
  ["a carriage return", "a=1\r\n", '{"a":["1"]}', '{"a":"1"}'],
  ["blank lines and lines that are no pair", "\n  \nhello\na=1\n", '{"a":["1"]}', '{"a":"1"}'],
  ["equals signs in the value", "a=b=c=\n", '{"a":["b=c="]}', '{"a":"b=c="}'],
  ["an empty value", "a=\n", '{"a":[""]}', '{"a":""}'],
  ["an empty key", "=a\n", '{"":["a"]}', '{"":"a"}'],
  ["no last newline", "a=1", '{"a":["1"]}', '{"a":"1"}'],
  ["quotes and a backslash", 'a="\\\n', '{"a":["\\"\\\\"]}', '{"a":"\\"\\\\"}'],
  ["letters beyond ASCII", "a=Århus\n", '{"a":["Århus"]}', '{"a":"Århus"}'],
  ["a key named __proto__", "__proto__=1\n", '{"__proto__":["1"]}', '{"__proto__":"1"}'],
  ["number-like keys", "10=a\n9=b\n", '{"10":["a"],"9":["b"]}', '{"10":"a","9":"b"}'],
  ["a byte order mark", "\ufeffa=1\n", '{"\ufeffa":["1"]}', '{"\ufeffa":"1"}'],
];
for (const [name, text, array, scalar] of rows) {
  test(`encodeIdentity() writes ${name} as the client of each form did`, () => {
    const encode = (form: IdentityForm) =>
      encodeIdentity(parseIdentity(text, form).attributes, form);
    assert.equal(encode("array"), array);
    assert.equal(encode("scalar"), scalar);
    JSON.parse(array);
    JSON.parse(scalar);
  });
}

test("parseIdentity() returns lines that are no pair", () => {
  assert.deepEqual(parseIdentity("hello\na=1\nworld \n", "array").badLines, ["hello", "world"]);
});
