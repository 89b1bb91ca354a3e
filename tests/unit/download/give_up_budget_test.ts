import assert from "node:assert/strict";
import { GiveUpBudget } from "../../../lib/download/give_up_budget.ts";
import { RateLimit } from "../../../lib/download/rate_limit.ts";
import { test } from "../../support/test.ts";

test("GiveUpBudget allows so many failures in a row, and counts anew after a mebibyte", () => {
  const budget = new GiveUpBudget({ maxTries: 3, maxMs: 1000 }, 0);
  budget.failed();
  budget.failed();
  assert.ok(budget.allows(0, 10));
  assert.equal(budget.progressed(1 << 19), false);
  assert.equal(budget.tries, 2);
  assert.equal(budget.progressed(1 << 19), true);
  assert.equal(budget.tries, 0);
  for (let n = 0; n < 3; n++) budget.failed();
  assert.equal(budget.allows(0, 10), false);
});

test("GiveUpBudget allows no wait beyond its time, however well it goes", () => {
  const budget = new GiveUpBudget({ maxTries: 100, maxMs: 1000 }, 5000);
  assert.ok(budget.allows(5900, 100));
  assert.equal(budget.allows(5900, 101), false);
});

test("RateLimit spreads bytes over time, and saves up one second at most", () => {
  const limit = new RateLimit(1000, 0);
  assert.equal(limit.spend(500, 0), 500);
  assert.equal(limit.spend(500, 500), 500);
  assert.equal(limit.spend(1000, 100_000), 0);
  assert.equal(limit.spend(1000, 100_000), 1000);
});

test("RateLimit of 0 never waits", () => {
  assert.equal(new RateLimit(0, 0).spend(1e9, 0), 0);
});
