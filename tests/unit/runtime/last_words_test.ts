import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { test } from "../../support/test.ts";

const { self } = await hostDrivers();

for (const [way, message] of [["rejects", "nobody waits"], ["throws", "nobody catches"]] as const) {
  test(`onCrash() tells in one line what nobody caught, when a program ${way}`, () => {
    const url = new URL("../../support/crashing_program.ts", import.meta.url);
    const module = "Deno" in globalThis ? url : new URL(url.href.replace(/\.ts$/, ".js"));
    const [program = "", ...args] = self.selfCommand(module, ["-A"]);
    const { status, stdout, stderr } = spawnSync(program, [...args, way], { encoding: "utf8" });
    // Behind whoever has to give a terminal back.
    assert.equal(stderr, `terminal given back\ntold: ${message}\n`);
    assert.deepEqual([status, stdout], [1, ""]);
  });
}
