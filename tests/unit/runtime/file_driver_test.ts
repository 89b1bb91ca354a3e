import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { errnoOf, readText, readWhole } from "../../../lib/runtime/files/file_driver.ts";
import { readTextTail } from "../../../lib/runtime/files/text_tail.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const fails = (errno: string) => (error: unknown): boolean => errnoOf(error) === errno;

for (const mode of ["read", "append", "update", "create"] as const) {
  test(`open() for ${mode} refuses a link, also one that leads nowhere`, async () => {
    await inTemporaryDirectory((directory) => {
      writeFileSync(join(directory, "target"), "untouched");
      symlinkSync("target", join(directory, "link"));
      symlinkSync("nowhere", join(directory, "dangling"));
      const errno = mode === "create" ? "EEXIST" : "ELOOP";
      for (const name of ["link", "dangling"]) {
        assert.throws(() => files.open(join(directory, name), mode), fails(errno), name);
        assert.ok(readlinkSync(join(directory, name)) !== "");
      }
      assert.equal(readFileSync(join(directory, "target"), "utf8"), "untouched");
      assert.equal(existsSync(join(directory, "nowhere")), false);
    });
  });
}

test("open() follows a link where that is asked for", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(join(directory, "target"), "content");
    symlinkSync("target", join(directory, "link"));
    assert.equal(readText(files, join(directory, "link"), 100, { follow: true }), "content");
  });
});

test("open() for create wants no file there, and gives a new one mode 0600", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "file");
    const handle = files.open(path, "create");
    handle.write(bytes("content"));
    handle.close();
    assert.throws(() => files.open(path, "create"), fails("EEXIST"));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(readFileSync(path, "utf8"), "content");
  });
});

test("open() for append writes at the end, into a new file and into an old one", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "file");
    for (const text of ["one ", "two "]) {
      const handle = files.open(path, "append", { permissions: 0o640 });
      handle.write(bytes(text));
      handle.write(bytes("more "));
      handle.close();
    }
    assert.equal(readFileSync(path, "utf8"), "one more two more ");
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });
});

test("open() for update reads and writes at a position and cuts", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "file");
    const handle = files.open(path, "update");
    handle.write(bytes("0123456789"));
    handle.write(bytes("ab"), 4);
    handle.truncate(8);
    const buffer = new Uint8Array(20);
    assert.equal(handle.read(buffer, 3), 5);
    assert.equal(new TextDecoder().decode(buffer.subarray(0, 5)), "3ab67");
    assert.equal(handle.read(buffer, 8), 0);
    handle.sync();
    handle.close();
    const again = files.open(path, "update");
    assert.equal(again.stat().sizeBytes, 8);
    again.close();
    assert.equal(readFileSync(path, "utf8"), "0123ab67");
  });
});

test("syncBeside() leaves content and open handles as they are, and no file is no failure", async () => {
  await inTemporaryDirectory(async (directory) => {
    const path = join(directory, "file");
    const handle = files.open(path, "update");
    handle.write(bytes("first"));
    const syncing = files.syncBeside(path);
    handle.write(bytes(" second"), 5);
    await syncing;
    handle.sync();
    handle.close();
    assert.equal(readFileSync(path, "utf8"), "first second");
    await files.syncBeside(join(directory, "absent"));
  });
});

test("FileHandle closes once and is of no use afterwards", async () => {
  await inTemporaryDirectory((directory) => {
    const handle = files.open(join(directory, "file"), "update");
    handle.close();
    handle.close();
    assert.throws(() => handle.write(bytes("x")), TypeError);
    assert.throws(() => handle.read(new Uint8Array(1)), TypeError);
  });
});

test("stat() tells kinds apart, and one file under two names", async () => {
  await inTemporaryDirectory((directory) => {
    const at = (name: string): string => join(directory, name);
    writeFileSync(at("file"), "12345", { mode: 0o640 });
    linkSync(at("file"), at("second"));
    symlinkSync("file", at("link"));
    symlinkSync("nowhere", at("dangling"));
    mkdirSync(at("folder"), { mode: 0o750 });
    const kinds = ["file", "folder", "link", "dangling"].map((name) => files.stat(at(name))?.kind);
    assert.deepEqual(kinds, ["file", "directory", "link", "link"]);
    assert.equal(files.stat(at("none")), undefined);
    assert.equal(files.stat(at("link"), { follow: true })?.kind, "file");
    assert.equal(files.stat(at("dangling"), { follow: true }), undefined);
    const [file, second] = [files.stat(at("file")), files.stat(at("second"))];
    assert.equal(file?.identity, second?.identity);
    assert.deepEqual([file?.sizeBytes, file?.mode, file?.links], [5, 0o640, 2]);
    assert.notEqual(file?.identity, files.stat(at("folder"))?.identity);
    assert.equal(files.stat(at("folder"))?.mode, 0o750);
  });
});

test("list(), makeDirectory(), rename(), remove() and removeTree() do what they say", async () => {
  await inTemporaryDirectory((directory) => {
    const at = (name: string): string => join(directory, name);
    files.makeDirectory(at("a/b"));
    assert.equal(statSync(at("a/b")).mode & 0o777, 0o700);
    files.makeDirectory(at("a/b"));
    for (const name of ["b.txt", "B.txt", "a.txt"]) writeFileSync(at(name), name);
    assert.deepEqual(files.list(directory), ["B.txt", "a", "a.txt", "b.txt"]);
    files.rename(at("a.txt"), at("b.txt"));
    assert.equal(readFileSync(at("b.txt"), "utf8"), "a.txt");
    for (const name of ["a", "a/b"]) assert.throws(() => files.remove(at(name)), name);
    assert.equal(files.stat(at("b.txt/below")), undefined);
    files.syncDirectory(at("a/b"));
    assert.equal(files.remove(at("b.txt")), true);
    assert.equal(files.remove(at("b.txt")), false);
    files.removeTree(at("a"));
    files.removeTree(at("a"));
    assert.deepEqual(readdirSync(directory), ["B.txt"]);
    assert.throws(() => files.list(at("none")), fails("ENOENT"));
  });
});

test("changeMode(), isExecutable() and freeBytes() look at the file itself", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "script");
    writeFileSync(path, "", { mode: 0o644 });
    assert.equal(files.isExecutable(path), false);
    files.changeMode(path, 0o755);
    assert.equal(files.isExecutable(path), true);
    assert.equal(files.isExecutable(join(directory, "none")), false);
    assert.ok(files.freeBytes(directory) > 0);
  });
});

test("makeTemporaryDirectory() makes a new one each time, for its owner only", () => {
  const made = [1, 2].map(() => files.makeTemporaryDirectory("mender-deno-unit-"));
  try {
    assert.notEqual(made[0], made[1]);
    for (const path of made) assert.equal(statSync(path).mode & 0o777, 0o700);
  } finally {
    made.forEach((path) => files.removeTree(path));
  }
});

test("readWhole() reads up to its limit and not one byte more", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "file");
    for (const size of [0, 1, 65535, 65536, 65537, 200_000]) {
      writeFileSync(path, new Uint8Array(size).fill(7));
      assert.equal(readWhole(files, path, size)?.length, size);
      if (size > 0) assert.throws(() => readWhole(files, path, size - 1), RangeError, `${size}`);
    }
    assert.equal(readWhole(files, join(directory, "none"), 1), undefined);
    assert.throws(() => readWhole(files, directory, 100));
  });
});

test("readWhole(), readText() and readTextTail() do not wait at a pipe, but refuse it", async () => {
  await inTemporaryDirectory((directory) => {
    const path = join(directory, "pipe");
    execFileSync("mkfifo", [path]);
    symlinkSync("pipe", join(directory, "link"));
    assert.throws(() => readWhole(files, path, 100), fails("EINVAL"));
    const linked = join(directory, "link");
    assert.throws(() => readText(files, linked, 100, { follow: true }), fails("EINVAL"));
    assert.throws(() => readTextTail(files, linked, 100, { follow: true }), fails("EINVAL"));
    assert.throws(() => readText(files, directory, 100, { follow: true }), fails("EISDIR"));
  });
});

test("readWhole() closes the file also when it cannot be read", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(join(directory, "file"), "content");
    const { files: faulty, calls } = faultyFiles(
      files,
      (call) => call === "handle.read" ? "EIO" : undefined,
    );
    assert.throws(() => readWhole(faulty, join(directory, "file"), 100), fails("EIO"));
    assert.equal(calls.at(-1), "handle.close");
  });
});

test("readText() puts U+FFFD for bytes that are not UTF-8", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(join(directory, "file"), new Uint8Array([0x61, 0xff, 0x62]));
    assert.equal(readText(files, join(directory, "file")), "a\ufffdb");
  });
});

const errors: [name: string, error: unknown, expected: string | undefined][] = [
  ["an error of the system", Object.assign(new Error("x"), { code: "ENOSPC" }), "ENOSPC"],
  [
    "one of Deno's permissions",
    Object.assign(new Error("x"), { name: "NotCapable" }),
    "ENOTCAPABLE",
  ],
  ["one of ours", Object.assign(new Error("x"), { code: "store.failed" }), undefined],
  ["a plain error", new Error("ENOSPC"), undefined],
  ["no error", "ENOSPC", undefined],
];
for (const [name, error, expected] of errors) {
  test(`errnoOf() finds ${expected} in ${name}`, () => assert.equal(errnoOf(error), expected));
}

for (const [number, errno] of [[31, "EMLINK"], [38, "ENOSYS"], [122, "EDQUOT"]] as const) {
  test(`errnoOf() knows ${errno} by its number, where a runtime gives no code`, () =>
    assert.equal(errnoOf(new Error(`It is so (os error ${number}): link '/a' -> '/b'`)), errno));
}

test("errnoOf() makes nothing of a number that it does not know", () =>
  assert.equal(errnoOf(new Error("It is so (os error 9999)")), undefined));
