/**
 * Mender's own example application for update control, unchanged, with mender 3.4 and with our daemon.
 * `MENDER_PYTHON_EXAMPLE` names the sources of mender-client-python-example, `MENDER_PYTHON` a Python that
 * has pydbus (python3 when absent).
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { menderPeer } from "../support/mender_namespace.ts";
import { PseudoTerminal, terminalPeer } from "../support/pseudo_terminal.ts";
import { busPeer } from "../support/system_bus.ts";
import { test } from "../support/test.ts";
import { withUpdateRig } from "../support/update_rig.ts";
import { waitUntil } from "../support/wait.ts";

const sources = process.env["MENDER_PYTHON_EXAMPLE"] ?? "";
const python = process.env["MENDER_PYTHON"] ?? "python3";
const missing = [menderPeer(), busPeer, terminalPeer].find(({ skip }) => skip !== undefined);
const found = missing ??
  (existsSync(join(sources, "examples/update_flow_control/update_flow_control.py")) ? {} : {
    skip: "MENDER_PYTHON_EXAMPLE does not name the sources of mender-client-python-example",
  });

/** Choices of its menu, in the order in which an update asks. */
const STEPS = [
  ["pause_before_installing", "1"],
  ["pause_before_rebooting", "2"],
  ["pause_before_committing", "3"],
] as const;

for (const client of ["mender 3.4", "our daemon"] as const) {
  test(
    `the example of mender-client-python-example holds ${client}, and lets it go`,
    () =>
      withUpdateRig({ lifeSeconds: 600, client }, async (rig) => {
        const example = new PseudoTerminal([
          python,
          "-c",
          "from examples.update_flow_control.update_flow_control import main; main()",
        ], {
          ...process.env,
          PYTHONPATH: sources,
          DBUS_SYSTEM_BUS_ADDRESS: rig.bus.address,
          TERM: "xterm",
        });
        try {
          await waitUntil("its menu", () => example.output.includes("Choice?"), 30_000);
          const id = await rig.update("reboot");
          for (const [status, choice] of STEPS) {
            await rig.reaches(id, status);
            example.type(`${choice}\n`);
          }
          await rig.reaches(id, "success");
        } finally {
          example.type("q\n");
          await example.ended;
        }
      }),
    { ...found, limitMs: 400_000 },
  );
}
