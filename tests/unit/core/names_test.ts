import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { isJsonObject } from "../../../lib/core/json.ts";
import { silentLogger, withFields } from "../../../lib/core/logger.ts";
import { nearestName } from "../../../lib/core/nearest_name.ts";
import { VERSION } from "../../../lib/core/version.ts";
import { test } from "../../support/test.ts";

const known = ["ServerURL", "Servers", "TenantToken", "UpdatePollIntervalSeconds"];
const rows: [name: string, expected: string | undefined][] = [
  ["ServerUrl", "ServerURL"],
  ["serverurl", "ServerURL"],
  ["Server", "Servers"],
  ["TenantTokne", "TenantToken"],
  ["UpdatePollInterval", undefined], // more than a third would have to be added
  ["UpdatePollIntervalSecond", "UpdatePollIntervalSeconds"],
  ["Colour", undefined],
  ["", undefined],
];
for (const [name, expected] of rows) {
  test(`nearestName() finds ${expected} for "${name}"`, () => {
    assert.equal(nearestName(name, known), expected);
  });
}

test("nearestName() takes the nearest of several, and nothing of none", () => {
  assert.equal(nearestName("pause", ["cause", "pause_now", "pausa"]), "cause");
  assert.equal(nearestName("paus", ["cause", "pause"]), "pause");
  assert.equal(nearestName("pause", []), undefined);
});

test("VERSION is the one of the package", () => {
  // From the sources, or from the build for Node, which stands two folders deeper.
  const candidates = ["../../../deno.json", "../../../../../deno.json"];
  const found = candidates.map((path) => new URL(path, import.meta.url)).find((url) =>
    existsSync(url)
  );
  assert.ok(found !== undefined);
  assert.equal(VERSION, JSON.parse(readFileSync(found, "utf8")).version);
});

test("withFields() adds fields, and those of the record win", () => {
  const seen: unknown[] = [];
  const logger = withFields({ log: (...args) => void seen.push(args) }, { a: 1, b: 2 });
  logger.log("info", "said", { b: 3 }, "why");
  logger.log("info", "said");
  assert.deepEqual(seen, [
    ["info", "said", { a: 1, b: 3 }, "why"],
    ["info", "said", { a: 1, b: 2 }, undefined],
  ]);
  silentLogger.log("fatal", "nobody hears this");
});

test("isJsonObject() takes objects only", () => {
  assert.deepEqual([{}, { a: 1 }].map(isJsonObject), [true, true]);
  assert.deepEqual([null, [], "{}", 1, undefined].map(isJsonObject), Array(5).fill(false));
});
