import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { controlMapId } from "../../../lib/store/control_map_id.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files, random } = await hostDrivers();

function idAt(path: string, clock = new FakeClock()): Promise<string> {
  return clock.run(controlMapId({ files, clock, path, uuid: random.uuid }));
}

test("controlMapId() makes an ID once, readable by all, and keeps it", () =>
  inTemporaryDirectory(async (dir) => {
    const path = join(dir, "control_map_id");
    const id = await idAt(path);
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(readFileSync(path, "utf8"), `${id}\n`);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.equal(await idAt(path), id);
  }));

test("controlMapId() gives all who ask at the same time the same ID", () =>
  inTemporaryDirectory(async (dir) => {
    const clock = new FakeClock();
    const path = join(dir, "control_map_id");
    const options = { files, clock, path, uuid: random.uuid };
    const ids = await clock.run(
      Promise.all(Array.from({ length: 5 }, () => controlMapId(options))),
    );
    assert.equal(new Set(ids).size, 1);
  }));

test("controlMapId() writes a file anew that a crash has left without an ID", () =>
  inTemporaryDirectory(async (dir) => {
    const path = join(dir, "control_map_id");
    for (const torn of ["", "0123", "\0".repeat(100)]) {
      writeFileSync(path, torn);
      const id = await idAt(path);
      assert.equal(readFileSync(path, "utf8"), `${id}\n`);
    }
  }));

test("controlMapId() takes an ID that somebody wrote by hand", () =>
  inTemporaryDirectory(async (dir) => {
    const path = join(dir, "control_map_id");
    writeFileSync(path, " 01234567-89AB-cdef-0123-456789abcdef \n\n");
    assert.equal(await idAt(path), "01234567-89AB-cdef-0123-456789abcdef");
  }));

test("controlMapId() names what to do when there is none and none can be made", () =>
  inTemporaryDirectory(async (dir) => {
    for (const path of [join(dir, "missing", "control_map_id"), join(dir, "file", "x")]) {
      writeFileSync(join(dir, "file"), "");
      await assert.rejects(idAt(path), (error) => {
        assert.ok(isMenderError(error, "store."));
        assert.match(error.hint ?? "", /--id/);
        return true;
      });
    }
    const folder = join(dir, "control_map_id");
    mkdirSync(folder);
    await assert.rejects(idAt(folder), (error) => isMenderError(error, "store."));
  }));
