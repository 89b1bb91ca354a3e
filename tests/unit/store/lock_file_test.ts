import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { LockFile } from "../../../lib/store/lock_file.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();
const ID = "5b1d2f3a-0000-4000-8000-00000000000f";

const rows: [name: string, content: string | Uint8Array, kind: "held" | "unreadable"][] = [
  ["an ID", ID, "held"],
  ["an ID and a newline", `${ID}\n`, "held"],
  ["an ID among blanks", ` \t${ID}\r\n\n`, "held"],
  ["nothing", "", "unreadable"],
  ["a newline alone", "\n", "unreadable"],
  ["two IDs", `${ID}\n${ID}\n`, "unreadable"],
  ["a path", "../../etc/passwd", "unreadable"],
  ["bytes that are no text", new Uint8Array([0xff, 0, 0xfe]), "unreadable"],
  ["zeroes, as a power cut may leave", new Uint8Array(36), "unreadable"],
  ["far too much", "a".repeat(10_000), "unreadable"],
];
for (const [name, content, kind] of rows) {
  test(`LockFile with ${name} in it is ${kind}`, async () => {
    await inTemporaryDirectory((directory) => {
      const path = join(directory, "update.lock");
      writeFileSync(path, content);
      const state = new LockFile(files, path).read();
      assert.equal(state.kind, kind);
      if (state.kind === "held") assert.equal(state.deploymentId, ID);
      if (state.kind === "unreadable") assert.ok(state.why.includes(path), state.why);
      assert.ok(existsSync(path));
    });
  });
}

test("LockFile without a file is free", async () => {
  await inTemporaryDirectory((directory) => {
    const lock = new LockFile(files, join(directory, "update.lock"));
    assert.deepEqual(lock.read(), { kind: "none" });
    assert.equal(lock.remove(), false);
  });
});

test("LockFile holds the ID and nothing else, readable by all, until it is removed", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "update.lock");
    const lock = new LockFile(files, path);
    lock.write(ID);
    assert.equal(readFileSync(path, "utf8"), ID);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.deepEqual(lock.read(), { kind: "held", deploymentId: ID });
    assert.equal(lock.remove(), true);
    assert.deepEqual(readdirSync(directory), []);
  });
});

test("LockFile in whose place stands a directory is unreadable, and cannot be taken", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "update.lock");
    mkdirSync(path);
    const lock = new LockFile(files, path);
    assert.equal(lock.read().kind, "unreadable");
    assert.throws(() => lock.write(ID), (error) => isMenderError(error, "store."));
    assert.throws(() => lock.remove(), (error) => isMenderError(error, "store."));
    assert.deepEqual(readdirSync(directory), ["update.lock"]);
  });
});

test("LockFile that is a link is read through it and replaced by a file", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(join(directory, "target"), ID);
    symlinkSync("target", join(directory, "update.lock"));
    const lock = new LockFile(files, join(directory, "update.lock"));
    assert.equal(lock.read().kind, "held");
    lock.write(ID);
    assert.ok(statSync(join(directory, "update.lock")).isFile());
    lock.remove();
    assert.deepEqual(readdirSync(directory), ["target"]);
  });
});

const failures: [errno: string, code: string][] = [
  ["ENOSPC", "store.no-space"],
  ["EDQUOT", "store.no-space"],
  ["EROFS", "store.read-only"],
  ["EACCES", "store.denied"],
  ["EPERM", "store.denied"],
  ["ELOOP", "store.link"],
  ["EIO", "store.failed"],
];
for (const [errno, code] of failures) {
  test(`LockFile that meets ${errno} fails with ${code}, and keeps the cause`, async () => {
    await inTemporaryDirectory((directory) => {
      const faulty = faultyFiles(files, () => errno).files;
      const lock = new LockFile(faulty, join(directory, "update.lock"));
      const expected = (error: unknown): boolean =>
        isMenderError(error, code) && error.cause instanceof Error &&
        error.message.includes(directory);
      assert.throws(() => lock.write(ID), expected);
      assert.throws(() => lock.remove(), expected);
      assert.equal(lock.read().kind, "unreadable");
    });
  });
}
