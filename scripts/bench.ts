/**
 * Speed and memory figures. Each is a median over several runs, with its spread; where a peer is
 * installed it is measured in the same run, turn by turn, and the ratio is printed. Nothing here passes
 * or fails: a target that is missed is told. What is printed is written to `docs/bench` too, a page a row.
 *
 * `--only NAME` (of one row, repeatable), `--runs N`. `MENDER_PYTHON_CLIENT` names the directory `src` of
 * mender-python-client, `MENDER_PYTHON` a Python with its packages.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { connectRow } from "./bench/connect.ts";
import { downloadRow } from "./bench/download.ts";
import { fleetRow } from "./bench/fleet.ts";
import { flowRow } from "./bench/flow.ts";
import { handOffRow } from "./bench/hand_off.ts";
import { idleRow } from "./bench/idle.ts";
import { machineLine } from "./bench/machine.ts";
import { memoryRow } from "./bench/memory.ts";
import type { BenchRow } from "./bench/row.ts";
import { measureOnPage } from "./bench/page.ts";
import { outageRow } from "./bench/outage.ts";
import { pollsRow } from "./bench/polls.ts";
import { startRow } from "./bench/start.ts";

const ROWS: readonly BenchRow[] = [
  startRow,
  idleRow,
  pollsRow,
  handOffRow,
  flowRow,
  downloadRow,
  memoryRow,
  connectRow,
  fleetRow,
  outageRow,
];

const { values } = parseArgs({
  options: { only: { type: "string", multiple: true }, runs: { type: "string" } },
});
const only = values.only ?? ROWS.map(({ name }) => name);
const stranger = only.find((wanted) => ROWS.every(({ name }) => name !== wanted));
const given = values.runs === undefined ? undefined : Number(values.runs);
if (stranger !== undefined) {
  console.log(
    `There is no row "${stranger}"; there are ${ROWS.map(({ name }) => name).join(", ")}`,
  );
  process.exitCode = 2;
} else if (given !== undefined && !(Number.isInteger(given) && given > 0)) {
  console.log(`Wanted a number of runs, found "${values.runs}"`);
  process.exitCode = 2;
} else {
  console.log(machineLine());
  for (const row of ROWS) {
    if (only.includes(row.name)) await measureOnPage(row, given ?? row.defaultRuns);
  }
}
