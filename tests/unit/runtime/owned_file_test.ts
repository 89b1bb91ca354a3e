import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { isMenderError } from "../../../lib/core/errors.ts";
import type { FileDriver } from "../../../lib/runtime/files/file_driver.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { readOwned } from "../../../lib/runtime/files/owned_file.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files, self } = await hostDrivers();

test("readOwned() reads a file of this user, and nothing where there is none", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(`${directory}/a`, "content");
    const bytes = readOwned(files, `${directory}/a`, self.uid, 100);
    assert.equal(new TextDecoder().decode(bytes), "content");
    assert.equal(readOwned(files, `${directory}/b`, self.uid, 100), undefined);
    assert.throws(() => readOwned(files, `${directory}/a`, self.uid, 3), RangeError);
  });
});

const refused: [name: string, arrange: (path: string, file: string) => void, says: RegExp][] = [
  ["a link", (path, file) => symlinkSync(file, path), /symbolic link/],
  ["a second name", (path, file) => linkSync(file, path), /2 names/],
  ["a directory", (path) => mkdirSync(path), /directory/],
  // Opening it would wait for ever.
  ["a named pipe", (path) => void execFileSync("mkfifo", [path]), /pipe/],
];
for (const [name, arrange, says] of refused) {
  test(`readOwned() refuses ${name}`, async () => {
    await inTemporaryDirectory((directory) => {
      writeFileSync(`${directory}/file`, "content");
      arrange(`${directory}/odd`, `${directory}/file`);
      assert.throws(() => readOwned(files, `${directory}/odd`, self.uid, 100), (error) => {
        assert.ok(isMenderError(error, "runtime.unsafe-file"), String(error));
        assert.match(error.message, says);
        return true;
      });
    });
  });
}

test("readOwned() refuses a file of another user", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(`${directory}/a`, "content");
    assert.throws(
      () => readOwned(files, `${directory}/a`, self.uid + 1, 100),
      (error) => isMenderError(error, "runtime.unsafe-file"),
    );
  });
});

test("readOwned() looks at what it opened, not only at what it saw before", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(`${directory}/a`, "content");
    let closed = 0;
    const swapped: FileDriver = {
      ...files,
      open(path, mode, options) {
        const handle = files.open(path, mode, options);
        return {
          ...handle,
          stat: () => ({ ...handle.stat(), uid: self.uid + 1 }),
          close: () => {
            closed++;
            handle.close();
          },
        };
      },
    };
    assert.throws(
      () => readOwned(swapped, `${directory}/a`, self.uid, 100),
      (error) => isMenderError(error, "runtime.unsafe-file"),
    );
    assert.equal(closed, 1);
  });
});
