import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { readDeviceType } from "../../../lib/store/device_type.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

const rows: [name: string, content: string, deviceType: string | undefined, says?: RegExp][] = [
  ["one line", "device_type=acme-box\n", "acme-box"],
  ["no newline", "device_type=acme-box", "acme-box"],
  ["blanks and blank lines", "\n  device_type=acme-box  \r\n\n", "acme-box"],
  ["an equals sign in the value", "device_type=a=b\n", "a=b"],
  ["the same key twice", "device_type=old\ndevice_type=new\n", "new"],
  ["a line that is no pair", "# mine\ndevice_type=acme-box\n", "acme-box"],
  ["two keys", "device_type=a\nother=b\n", undefined, /several keys: device_type, other/],
  ["another key only", "type=a\n", undefined, /no line device_type/],
  ["nothing", "", undefined, /no line device_type/],
  ["an empty value", "device_type=\n", undefined, /is empty/],
];
for (const [name, content, deviceType, says] of rows) {
  test(`readDeviceType() reads a file with ${name} as ${deviceType ?? "missing"}`, async () => {
    await inTemporaryDirectory((directory) => {
      writeFileSync(`${directory}/device_type`, content);
      const result = readDeviceType(files, `${directory}/device_type`);
      assert.equal(result.deviceType, deviceType);
      if (says !== undefined) {
        assert.ok("reason" in result);
        assert.match(result.reason, says);
      }
    });
  });
}

test("readDeviceType() follows links, and says what it cannot read", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(`${directory}/real`, "device_type=acme-box\n");
    symlinkSync("real", `${directory}/link`);
    assert.deepEqual(readDeviceType(files, `${directory}/link`), { deviceType: "acme-box" });
    const none = readDeviceType(files, `${directory}/none`);
    assert.ok("reason" in none);
    assert.match(none.reason, /no such file/);
    mkdirSync(`${directory}/directory`);
    const wrong = readDeviceType(files, `${directory}/directory`);
    assert.ok("reason" in wrong);
    assert.match(wrong.reason, /: it is a directory$/);
  });
});
