import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { removeDurably, writeFileAtomic } from "../../../lib/runtime/files/atomic_file.ts";
import { errnoOf } from "../../../lib/runtime/files/file_driver.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files: real } = await hostDrivers();

test("writeFileAtomic() writes, syncs, renames and syncs the directory, in this order", async () => {
  await inTemporaryDirectory((directory) => {
    const { files, calls } = faultyFiles(real, () => undefined);
    writeFileAtomic(files, join(directory, "state"), "new");
    const order = [
      "open",
      "handle.write",
      "handle.sync",
      "handle.close",
      "rename",
      "syncDirectory",
    ];
    assert.deepEqual(calls.filter((call) => order.includes(call)), order);
  });
});

const steps: [call: string, kept: "old" | "new"][] = [
  ["open", "old"],
  ["handle.write", "old"],
  ["handle.sync", "old"],
  ["handle.close", "old"],
  ["rename", "old"],
  ["syncDirectory", "new"],
];
for (const [failing, kept] of steps) {
  test(`writeFileAtomic() leaves the ${kept} content when ${failing} fails, and nothing beside it`, async () => {
    await inTemporaryDirectory((directory) => {
      const path = join(directory, "state");
      writeFileSync(path, "old");
      const { files } = faultyFiles(real, (call) => call === failing ? "ENOSPC" : undefined);
      assert.throws(
        () => writeFileAtomic(files, path, "new"),
        (error) => errnoOf(error) === "ENOSPC" && String(error).includes(failing),
      );
      assert.equal(readFileSync(path, "utf8"), kept);
      assert.deepEqual(readdirSync(directory), ["state"]);
    });
  });
}

test("writeFileAtomic() tells the first failure when tidying up fails too", async () => {
  await inTemporaryDirectory((directory) => {
    const { files } = faultyFiles(real, (call) => {
      return call === "handle.write" ? "EIO" : call === "remove" ? "EROFS" : undefined;
    });
    assert.throws(
      () => writeFileAtomic(files, join(directory, "state"), "new"),
      (error) => errnoOf(error) === "EIO",
    );
  });
});

test("writeFileAtomic() overwrites what a crash left beside the file", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "state");
    writeFileSync(join(directory, ".state.new"), "half of a longer cont", { mode: 0o644 });
    writeFileAtomic(real, path, "new");
    assert.equal(readFileSync(path, "utf8"), "new");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(directory), ["state"]);
  });
});

for (
  const [permissions, expected] of [[undefined, 0o600], [0o644, 0o644], [0o400, 0o400]] as const
) {
  test(`writeFileAtomic() gives mode ${expected.toString(8)} whatever the umask`, async () => {
    await inTemporaryDirectory((directory) => {
      const path = join(directory, "state");
      const before = process.umask(0o077);
      try {
        writeFileAtomic(real, path, new Uint8Array([0, 255, 10]), permissions);
      } finally {
        process.umask(before);
      }
      assert.equal(statSync(path).mode & 0o777, expected);
      assert.deepEqual([...readFileSync(path)], [0, 255, 10]);
    });
  });
}

test("writeFileAtomic() does not replace a directory", async () => {
  await inTemporaryDirectory((directory) => {
    mkdirSync(join(directory, "state"));
    assert.throws(() => writeFileAtomic(real, join(directory, "state"), "new"));
    assert.deepEqual(readdirSync(directory), ["state"]);
  });
});

test("removeDurably() removes and syncs the directory, or says that there was nothing", async () => {
  await inTemporaryDirectory((directory) => {
    const { files, calls } = faultyFiles(real, () => undefined);
    writeFileSync(join(directory, "state"), "old");
    assert.equal(removeDurably(files, join(directory, "state")), true);
    assert.deepEqual(calls, ["remove", "syncDirectory"]);
    assert.equal(removeDurably(files, join(directory, "state")), false);
  });
});
