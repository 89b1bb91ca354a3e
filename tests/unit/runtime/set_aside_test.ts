import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { setAside } from "../../../lib/runtime/files/set_aside.ts";
import { faultyFiles } from "../../support/faulty_files.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

test("setAside() keeps every file it moves", async () => {
  const { files } = await hostDrivers();
  await inTemporaryDirectory((directory) => {
    for (const n of [1, 2, 3]) {
      writeFileSync(`${directory}/a`, `content ${n}`);
      assert.equal(setAside(files, `${directory}/a`), `${directory}/a.corrupt-${n}`);
      assert.equal(readFileSync(`${directory}/a.corrupt-${n}`, "utf8"), `content ${n}`);
    }
    assert.deepEqual(readdirSync(directory), ["a.corrupt-1", "a.corrupt-2", "a.corrupt-3"]);
    assert.throws(() => setAside(files, `${directory}/a`));
  });
});

test("setAside() syncs the directory after the move, and tells when it cannot", async () => {
  const real = (await hostDrivers()).files;
  await inTemporaryDirectory((directory) => {
    writeFileSync(`${directory}/a`, "content");
    const { files, calls } = faultyFiles(real, () => undefined);
    setAside(files, `${directory}/a`);
    assert.deepEqual(calls.slice(-2), ["rename", "syncDirectory"]);
    writeFileSync(`${directory}/a`, "content");
    const failing = faultyFiles(real, (call) => call === "syncDirectory" ? "EIO" : undefined);
    assert.throws(() => setAside(failing.files, `${directory}/a`), { code: "EIO" });
  });
});
