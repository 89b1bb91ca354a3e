import assert from "node:assert/strict";
import { Housekeeping } from "../../../lib/daemon/housekeeping.ts";
import { test } from "../../support/test.ts";

test("Housekeeping collects all after the start and after work, and garbage now and then", () => {
  const collected: [rest: number, what: string][] = [];
  let rests = 0;
  const housekeeping = new Housekeeping((what) => collected.push([rests, what]));
  const rest = (count: number): void => {
    for (; count > 0; count--) {
      rests++;
      housekeeping.rest();
    }
  };
  rest(600);
  housekeeping.worked();
  housekeeping.worked();
  rest(257);
  assert.deepEqual(collected, [
    [1, "all"],
    [257, "garbage"],
    [513, "garbage"],
    [601, "all"],
    [857, "garbage"],
  ]);
});
