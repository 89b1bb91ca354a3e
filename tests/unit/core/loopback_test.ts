import assert from "node:assert/strict";
import { isLoopback } from "../../../lib/core/loopback.ts";
import { test } from "../../support/test.ts";

const rows: [host: string, expected: boolean][] = [
  ["localhost", true],
  ["LOCALHOST", true],
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["::1", true],
  ["[::1]", true],
  ["127.example.com", false],
  ["127.0.0.1.example.com", false],
  ["127.0.0", false],
  ["127.0.0.256", false],
  ["127.0.0.x", false],
  ["128.0.0.1", false],
  ["localhost.example.com", false],
  ["0.0.0.0", false],
  ["::", false],
  ["", false],
];
for (const [host, expected] of rows) {
  test(`isLoopback() says ${expected} of ${JSON.stringify(host)}`, () => {
    assert.equal(isLoopback(host), expected);
  });
}
