import assert from "node:assert/strict";
import { mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { prepareDataDirectory } from "../../../lib/store/data_directory.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

test("prepareDataDirectory() makes a missing directory and its parents, for the owner only", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "var/lib/mender");
    prepareDataDirectory(files, path);
    assert.equal(statSync(path).mode & 0o777, 0o700);
  });
});

test("prepareDataDirectory() leaves an existing one as it is, also behind a link", async () => {
  await inTemporaryDirectory((directory) => {
    mkdirSync(join(directory, "data"), { mode: 0o755 });
    symlinkSync("data", join(directory, "mender"));
    prepareDataDirectory(files, join(directory, "data"));
    prepareDataDirectory(files, join(directory, "mender"));
    assert.equal(statSync(join(directory, "data")).mode & 0o777, 0o755);
  });
});

const refused: [name: string, path: string, code: string, says: RegExp, hint: RegExp][] = [
  ["a file in its place", "file", "store.no-directory", /is no directory/, /--data/],
  // Debian ships /var/lib/mender as a link into /data, which images may lack.
  [
    "a link to nothing",
    "dangling",
    "store.dangling-link",
    /is a link to a place that does not exist/,
    /^Make the directory/,
  ],
  ["a file on the way", "file/mender", "store.", /data directory/, /(?:)/],
];
for (const [name, path, code, says, hint] of refused) {
  test(`prepareDataDirectory() refuses ${name} and says what to do`, async () => {
    await inTemporaryDirectory((directory) => {
      writeFileSync(join(directory, "file"), "");
      symlinkSync("/data/that/is/not/there", join(directory, "dangling"));
      assert.throws(() => prepareDataDirectory(files, join(directory, path)), (error) => {
        assert.ok(isMenderError(error, code), String(error));
        assert.match(error.message, says);
        assert.ok(error.message.includes(join(directory, path)));
        assert.match(error.hint ?? "", hint);
        return true;
      });
    });
  });
}

for (
  const [call, errno, code] of [
    ["stat", "EACCES", "store.denied"],
    ["makeDirectory", "EROFS", "store.read-only"],
  ] as const
) {
  test(`prepareDataDirectory() tells a ${errno} as ${code}`, async () => {
    await inTemporaryDirectory((directory) => {
      const faulty = faultyFiles(files, (name) => name === call ? errno : undefined).files;
      assert.throws(
        () => prepareDataDirectory(faulty, join(directory, "mender")),
        (error) => isMenderError(error, code),
      );
    });
  });
}
