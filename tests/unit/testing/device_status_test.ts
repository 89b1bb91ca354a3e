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
  ["downloading", "downloading", "status downloading was sent before"],
  ["rebooting", "rebooting", "status rebooting was sent before"],
  ["rebooting", "downloading", "status downloading after rebooting"],
  ["installing", "pause_before_installing", "status pause_before_installing after installing"],
  ["success", "success", "status success after the final status success"],
  ["failure", "success", "status success after the final status failure"],
  ["already-installed", "installing", "status installing after the final status already-installed"],
  ["noartifact", "downloading", "status downloading after the final status noartifact"],
];

test("misstep() names what a client should not send", () => {
  for (const [from, to, violation] of STEPS) assert.equal(misstep(from, to), violation);
});
