import assert from "node:assert/strict";
import { renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readText } from "../../../lib/runtime/files/file_driver.ts";
import { RememberedFile } from "../../../lib/runtime/files/remembered_file.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

/** A file, what is remembered of it, and how often it was read. */
function withFile(
  body: (
    rig: { path: string; get: () => string | undefined; reads: () => number },
  ) => void,
): Promise<void> {
  return inTemporaryDirectory((directory) => {
    const path = join(directory, "file");
    let reads = 0;
    const read = (): string | undefined => {
      reads++;
      return readText(files, path);
    };
    const remembered = new RememberedFile(files, systemClock, path, read, (text) => text !== "bad");
    body({ path, get: () => remembered.get(), reads: () => reads });
  });
}

function writeLongAgo(path: string, text: string, secondsAgo = 100): void {
  writeFileSync(path, text);
  const then = Date.now() / 1000 - secondsAgo;
  utimesSync(path, then, then);
}

test("RememberedFile reads a file once that nobody writes to", () =>
  withFile(({ path, get, reads }) => {
    writeLongAgo(path, "one");
    assert.deepEqual([get(), get(), get(), reads()], ["one", "one", "one", 1]);
  }));

test("RememberedFile sees what is written, replaced and removed", () =>
  withFile(({ path, get }) => {
    writeLongAgo(path, "one");
    assert.equal(get(), "one");
    writeLongAgo(path, "two", 99);
    assert.equal(get(), "two");
    // The same size and the same time, but another file.
    writeLongAgo(`${path}.new`, "333", 99);
    renameSync(`${path}.new`, path);
    assert.equal(get(), "333");
    rmSync(path);
    assert.equal(get(), undefined);
    writeLongAgo(path, "444");
    assert.equal(get(), "444");
  }));

test("RememberedFile reads a file again that may be changed within a tick of its clock", () =>
  withFile(({ path, get, reads }) => {
    writeFileSync(path, "one");
    const now = Date.now() / 1000;
    utimesSync(path, now, now);
    assert.equal(get(), "one");
    writeFileSync(path, "two");
    utimesSync(path, now, now);
    assert.deepEqual([get(), reads()], ["two", 2]);
  }));

test("RememberedFile does not remember what is not worth it", () =>
  withFile(({ path, get, reads }) => {
    writeLongAgo(path, "bad");
    assert.deepEqual([get(), get(), reads()], ["bad", "bad", 2]);
  }));
