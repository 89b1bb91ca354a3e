import assert from "node:assert/strict";
import { argumentsAs } from "../../../cli/called_as.ts";
import { runCommandLine } from "../../../cli/run_command_line.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { test } from "../../support/test.ts";

test("argumentsAs() puts the command in front that a name stands for", () => {
  for (const name of ["mender-update-flow-control", "mender-update-flow-control.js"]) {
    assert.deepEqual(argumentsAs(name, ["set"]), ["flow", "set"]);
  }
  for (const name of ["main.ts", "mender-deno", ""]) {
    assert.deepEqual(argumentsAs(name, ["set"]), ["set"]);
  }
});

test("mender-update-flow-control is a command too, and does what flow does", async () => {
  const drivers = await hostDrivers();
  const helps: string[] = [];
  for (const name of ["flow", "mender-update-flow-control"]) {
    let text = "";
    const self = { ...drivers.self, writeOut: (part: string): void => void (text += part) };
    assert.equal(await runCommandLine({ ...drivers, self }, [name, "set", "--help"]), 0);
    helps.push(text.replaceAll(name, "flow"));
  }
  assert.equal(helps[0], helps[1]);
});
