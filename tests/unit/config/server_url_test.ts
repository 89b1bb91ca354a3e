import assert from "node:assert/strict";
import { isUnprotected, normalServerUrl } from "../../../lib/config/server_url.ts";
import { test } from "../../support/test.ts";

const accepted: [text: string, url: string][] = [
  ["https://m.example.com", "https://m.example.com"],
  ["https://m.example.com///", "https://m.example.com"],
  ["https://m.example.com/base/", "https://m.example.com/base"],
  ["m.example.com", "https://m.example.com"],
  ["localhost:8443", "https://localhost:8443"],
  ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
  [" https://m.example.com ", "https://m.example.com"],
  ["https://[::1]:8443", "https://[::1]:8443"],
];
for (const [text, url] of accepted) {
  test(`normalServerUrl() reads ${JSON.stringify(text)}`, () => {
    assert.deepEqual(normalServerUrl(text), { url });
  });
}

const refused: [text: string, says: RegExp][] = [
  ["", /empty/],
  ["///", /empty/],
  ["ftp://m.example.com", /https or http, found "ftp"/],
  ["file:///etc/passwd", /found "file"/],
  ["https://", /empty|not a URL/],
  ["https://m example.com", /not a URL|blank/],
  ["https://m.example.com/?a=1", /query/],
  ["https://m.example.com/#a", /fragment/],
  ["https://user:hush@m.example.com", /user name/],
];
for (const [text, says] of refused) {
  test(`normalServerUrl() refuses ${JSON.stringify(text)}`, () => {
    const result = normalServerUrl(text);
    assert.ok("reason" in result);
    assert.match(result.reason, says);
    assert.doesNotMatch(result.reason, /hush/);
  });
}

test("isUnprotected() is true for plain HTTP that leaves the machine", () => {
  const urls = ["http://m.example.com", "http://10.0.0.1:80", "https://m.example.com"];
  const local = ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"];
  assert.deepEqual([...urls, ...local].map(isUnprotected), [
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});
