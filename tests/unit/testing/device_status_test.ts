import assert from "node:assert/strict";
import { misstep } from "../../../lib/testing/server/records/device_status.ts";
import { test } from "../../support/test.ts";

const STEPS: [from: string, to: string, violation: string | undefined][] = [
  ["pending", "downloading", undefined],
  ["pending", "failure", undefined],
  ["pending", "already-installed", undefined],
  ["downloading", "pause_before_installing", undefined],
  ["downloading", "installing", undefined],
  ["installing", "installing", undefined],
  ["rebooting", "installing", undefined],
  ["pause_before_committing", "installing", undefined],
  ["installing", "success", undefined],
  ["downloading", "downloading", undefined],
  ["rebooting", "rebooting", undefined],
  ["rebooting", "downloading", "status downloading after rebooting"],
  ["installing", "pause_before_installing", "status pause_before_installing after installing"],
  ["success", "success", undefined],
  ["failure", "success", "status success after the final status failure"],
  ["already-installed", "installing", "status installing after the final status already-installed"],
  ["noartifact", "downloading", "status downloading after the final status noartifact"],
];

test("misstep() names what a client should not send", () => {
  for (const [from, to, violation] of STEPS) {
    assert.equal(misstep({ status: from }, { status: to }), violation, `${from}, then ${to}`);
  }
});

const lost = (status: string): string =>
  `substate of status ${status} changed without the status, and is lost`;
const SUBSTATES: [
  status: string,
  before: string | undefined,
  now: string | undefined,
  violation: string | undefined,
][] = [
  ["installing", "a", "a", undefined],
  ["installing", "a", undefined, undefined],
  ["installing", "a", "b", lost("installing")],
  ["downloading", undefined, "b", lost("downloading")],
  ["success", "a", "a", undefined],
  ["success", undefined, "b", lost("success")],
];

test("misstep() names a substate that is lost because its status is the current one", () => {
  for (const [status, before, now, violation] of SUBSTATES) {
    assert.equal(
      misstep({ status, substate: before }, { status, substate: now }),
      violation,
      `${status}: ${before}, then ${now}`,
    );
  }
  const [from, to] = [{ status: "downloading", substate: "a" }, { status: "installing" }];
  assert.equal(misstep(from, { ...to, substate: "b" }), undefined);
});
