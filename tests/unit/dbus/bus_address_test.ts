import assert from "node:assert/strict";
import { systemBusAddress } from "../../../lib/dbus/bus_address.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { test } from "../../support/test.ts";

const USUAL = "unix:path=/run/dbus/system_bus_socket";
const taken: [configured: string | undefined, address: string][] = [
  [undefined, USUAL],
  ["", USUAL],
  ["  ", USUAL],
  ["unix:path=/a/b", "unix:path=/a/b"],
  ["unix:path=/a/b,guid=0123", "unix:path=/a/b"],
  ["unix:guid=0123,path=/a/b", "unix:path=/a/b"],
  ["unix:abstract=a/b", "unix:abstract=a/b"],
  ["tcp:host=127.0.0.1,port=1;unix:path=/a", "unix:path=/a"],
];

for (const [configured, address] of taken) {
  test(`systemBusAddress() reads ${JSON.stringify(configured)}`, () => {
    assert.equal(systemBusAddress(configured), address);
  });
}

for (
  const configured of [
    "/run/dbus/socket",
    "unixexec:path=/bin/sh,arg1=-c",
    "tcp:host=localhost,port=1",
    "unix:tmpdir=/tmp",
    "unix:path=",
    "unix:path=/with%20escape",
    "x".repeat(5000),
  ]
) {
  test(`systemBusAddress() refuses ${configured.slice(0, 40)}`, () => {
    assert.throws(() => systemBusAddress(configured), (error) => {
      assert.ok(isMenderError(error, "bus.bad-address"));
      assert.ok(error.message.length < 250);
      return true;
    });
  });
}
