import { strict as assert } from "node:assert";
import { test } from "../../support/test.ts";
import {
  type ArtifactDescription,
  checkFitsDevice,
  type DeviceFacts,
} from "../../../lib/artifact/mod.ts";
import { isMenderError } from "../../../lib/core/errors.ts";

const ARTIFACT: ArtifactDescription = {
  formatVersion: 3,
  name: "release-2",
  deviceTypes: ["board-a", "board-b"],
  payloadTypes: ["app"],
  provides: { artifact_name: "release-2" },
  depends: {
    device_type: ["board-a", "board-b"],
    artifact_name: ["release-0", "release-1"],
    bootloader: ["7"],
  },
  files: [],
  scripts: [],
  isSigned: false,
  compression: "gz",
};
const DEVICE: DeviceFacts = {
  deviceType: "board-b",
  provides: { artifact_name: "release-1", bootloader: "7" },
};

const ROWS: { name: string; device?: object; artifact?: object; code: string | undefined }[] = [
  { name: "all met", code: undefined },
  { name: "another type", device: { deviceType: "board" }, code: "wrong-device-type" },
  { name: "no type", device: { deviceType: "" }, code: "wrong-device-type" },
  {
    name: "a type that only the provides name",
    device: { deviceType: "board-c", provides: { ...DEVICE.provides, device_type: "board-a" } },
    code: "wrong-device-type",
  },
  {
    name: "another device_type in the provides",
    device: { provides: { ...DEVICE.provides, device_type: "board-z" } },
    code: undefined,
  },
  {
    name: "an absent provide",
    device: { provides: { artifact_name: "release-1" } },
    code: "unmet-depends",
  },
  {
    name: "a provide of another value",
    device: { provides: { ...DEVICE.provides, bootloader: "8" } },
    code: "unmet-depends",
  },
  {
    name: "another Artifact installed",
    device: { provides: { ...DEVICE.provides, artifact_name: "release-9" } },
    code: "unmet-depends",
  },
  {
    name: "a condition called like something every object has",
    artifact: { depends: { toString: ["x"] } },
    code: "unmet-depends",
  },
  {
    name: "a condition without alternatives",
    artifact: { depends: { bootloader: [] } },
    code: "unmet-depends",
  },
  { name: "the announced name", device: { expectedName: "release-2" }, code: undefined },
  { name: "another name announced", device: { expectedName: "release-3" }, code: "wrong-name" },
  {
    name: "announced device types",
    device: { expectedDeviceTypes: ["board-b", "board-a"] },
    code: undefined,
  },
  {
    name: "an announced device type that the Artifact is not for",
    device: { expectedDeviceTypes: ["board-b", "board-c"] },
    code: "wrong-device-type",
  },
];

for (const { name, device, artifact, code } of ROWS) {
  test(`checkFitsDevice() ${code === undefined ? "accepts" : "refuses"} ${name}`, () => {
    const check = () => checkFitsDevice({ ...ARTIFACT, ...artifact }, { ...DEVICE, ...device });
    if (code === undefined) return check();
    assert.throws(check, (error) => {
      assert.ok(isMenderError(error, `artifact.${code}`), String(error));
      assert.equal(error.retry, "never");
      return true;
    });
  });
}
