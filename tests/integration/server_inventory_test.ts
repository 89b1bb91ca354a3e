import assert from "node:assert/strict";
import { test } from "../support/test.ts";
import { acceptedDevice, statusOf, withServer } from "../support/with_server.ts";

const PATH = "/v1/inventory/device/attributes";

test("PUT replaces the inventory, PATCH adds to it", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const put = [{ name: "a", value: "1" }, { name: "b", value: ["x", "y"] }];
    assert.equal(await statusOf(device.call("PUT", PATH, put)), 200);
    assert.deepEqual(server.devices()[0]?.inventory, put);
    const patch = [{ name: "b", value: 2 }, { name: "c", value: [1, 2], description: "d" }];
    assert.equal(await statusOf(device.call("PATCH", PATH, patch)), 200);
    assert.deepEqual(server.devices()[0]?.inventory, [put[0], ...patch]);
    assert.equal(await statusOf(device.call("PUT", PATH, [])), 200);
    assert.deepEqual(server.devices()[0]?.inventory, []);
    assert.deepEqual(server.violations(), []);
  }));

const BAD: [string, unknown][] = [
  ["an object", {}],
  ["an attribute without a name", [{ value: "x" }]],
  ["an empty name", [{ name: "", value: "x" }]],
  ["a name of 1025 characters", [{ name: "n".repeat(1025), value: "x" }]],
  ["no value", [{ name: "a" }]],
  ["null", [{ name: "a", value: null }]],
  ["a boolean", [{ name: "a", value: true }]],
  ["an object as value", [{ name: "a", value: {} }]],
  ["a mixed list", [{ name: "a", value: ["x", 1] }]],
  ["a list of lists", [{ name: "a", value: [["x"]] }]],
];
for (const [name, body] of BAD) {
  test(`inventory answers 400 to ${name} and keeps what it has`, () =>
    withServer({}, async (server) => {
      const { device } = await acceptedDevice(server);
      await statusOf(device.call("PUT", PATH, [{ name: "kept", value: "1" }]));
      assert.equal(await statusOf(device.call("PUT", PATH, body)), 400);
      assert.deepEqual(server.devices()[0]?.inventory, [{ name: "kept", value: "1" }]);
    }));
}

test("inventory notes an attribute that came twice and keys it does not know", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const twice = [{ name: "a", value: "1" }, { name: "a", value: "2" }];
    assert.equal(await statusOf(device.call("PUT", PATH, twice)), 200);
    assert.deepEqual(server.devices()[0]?.inventory, [{ name: "a", value: "2" }]);
    assert.equal(
      await statusOf(device.call("PUT", PATH, [{ name: "a", value: "1", scope: "x" }])),
      200,
    );
    assert.deepEqual(server.violations().map((entry) => entry.violation), [
      "an attribute was sent twice",
      "attribute a has unknown keys scope",
    ]);
  }));
