import assert from "node:assert/strict";
import { checkDeploymentId, isDeploymentId } from "../../../lib/core/deployment_id.ts";
import { DEVICE_STATUSES, isFinalStatus } from "../../../lib/core/deployment_status.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { test } from "../../support/test.ts";

const ids: [id: string, expected: boolean][] = [
  ["5b1d2f3a-0000-4000-8000-00000000000f", true],
  ["ABCDEF", true],
  ["0", true],
  ["a".repeat(64), true],
  ["a".repeat(65), false],
  ["", false],
  ["../../etc/passwd", false],
  ["..", false],
  ["a/b", false],
  ["a.b", false],
  ["a\n", false],
  ["\na", false],
  ["a\u0000", false],
  ["a%2fb", false],
  [" a", false],
  ["deployment", false],
  ["\uff41", false], // a full-width letter
];
for (const [id, expected] of ids) {
  test(`isDeploymentId() says ${expected} to ${JSON.stringify(id.slice(0, 40))} (${id.length})`, () => {
    assert.equal(isDeploymentId(id), expected);
    if (expected) assert.equal(checkDeploymentId(id), id);
    else {
      assert.throws(() => checkDeploymentId(id), (error) => {
        assert.ok(isMenderError(error, "api.bad-deployment-id"));
        assert.equal(error.retry, "never");
        return true;
      });
    }
  });
}

test("checkDeploymentId() does not repeat an endless ID", () => {
  assert.throws(() => checkDeploymentId("x".repeat(100_000)), (error) => {
    return isMenderError(error) && error.message.length < 250;
  });
});

test("isFinalStatus() knows the three that end a deployment", () => {
  const final = DEVICE_STATUSES.filter(isFinalStatus);
  assert.deepEqual(final, ["success", "failure", "already-installed"]);
  for (const foreign of ["aborted", "Success", "", "noartifact"]) {
    assert.equal(isFinalStatus(foreign), false, foreign);
  }
});

test("DEVICE_STATUSES holds none that only the server sets", () => {
  for (const name of ["pending", "aborted", "noartifact", "decommissioned"]) {
    assert.equal((DEVICE_STATUSES as readonly string[]).includes(name), false, name);
  }
});
