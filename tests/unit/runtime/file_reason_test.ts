import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { readText } from "../../../lib/runtime/files/file_driver.ts";
import { fileReason } from "../../../lib/runtime/files/file_reason.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

const rows: [name: string, arrange: (path: string) => void, reason: string][] = [
  ["a directory", (path) => mkdirSync(path), "it is a directory"],
  ["a link", (path) => symlinkSync("elsewhere", path), "it is a symbolic link"],
  ["a file that is too large", (path) => writeFileSync(path, "12345"), "it is larger than 4 bytes"],
];

for (const [name, arrange, reason] of rows) {
  test(`fileReason() has the same words on every runtime for ${name}`, () =>
    inTemporaryDirectory((root) => {
      const path = `${root}/file`;
      arrange(path);
      assert.throws(() => readText(files, path, 4), (error) => fileReason(error) === reason);
    }));
}

test("fileReason() has the same words on every runtime for a file below a file", () =>
  inTemporaryDirectory((root) => {
    writeFileSync(`${root}/file`, "");
    assert.throws(
      () => files.makeDirectory(`${root}/file/below`),
      (error) => fileReason(error) === "a part of its path is no directory",
    );
  }));

test("fileReason() keeps the words of what it does not know", () => {
  const error = Object.assign(new Error("EXDEV: cross-device link"), { code: "EXDEV" });
  assert.equal(fileReason(error), "EXDEV: cross-device link");
  assert.equal(fileReason(new RangeError("out of range")), "out of range");
  const invalid = Object.assign(new Error("EINVAL: invalid argument"), { code: "EINVAL" });
  assert.equal(fileReason(invalid), "EINVAL: invalid argument");
});
