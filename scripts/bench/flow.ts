/**
 * Speed of update control: calls a second over a real bus to a real Mender client, and the time from the
 * start of a process to its first map accepted; beside Python with whichever D-Bus library is there.
 */
import { execFile, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pauseAll } from "../../lib/control/map_order.ts";
import { controlMapText } from "../../lib/control/control_map_json.ts";
import { systemBusAddress } from "../../lib/dbus/bus_address.ts";
import { BusConnection } from "../../lib/dbus/bus_connection.ts";
import { UpdateManagerClient } from "../../lib/dbus/update_manager_client.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { letterId } from "../../tests/support/control_maps.ts";
import { FlowRig } from "../../tests/support/flow_rig.ts";
import { withUpdateRig } from "../../tests/support/update_rig.ts";
import { printFigure, printTarget, ratioOf } from "./figures.ts";
import type { BenchRow } from "./row.ts";

const run = promisify(execFile);

/** Figures of both sides, run by run. */
export interface FlowFigures {
  /** Python's D-Bus library; `undefined` when there is none. */
  readonly python: string | undefined;
  /** Calls of SetUpdateControlMap a second. */
  readonly calls: { readonly ours: readonly number[]; readonly theirs: readonly number[] };
  /** Milliseconds from the start of a process to its first map accepted. */
  readonly first: { readonly ours: readonly number[]; readonly theirs: readonly number[] };
  /** Milliseconds of a process that imports the D-Bus library, and nothing else. */
  readonly library: readonly number[];
}

const CALLS = 8000;

/** Prints the library that was used, then the calls a second. */
const PYTHON = `
import os, sys, time
text, count = sys.argv[1], int(sys.argv[2])
NAME, PATH, IFACE = "io.mender.UpdateManager", "/io/mender/UpdateManager", "io.mender.Update1"
def client():
    try:
        from pydbus import SystemBus
        return "pydbus", SystemBus().get(NAME)[IFACE].SetUpdateControlMap
    except ImportError:
        pass
    try:
        import dbus
        bus = dbus.bus.BusConnection(os.environ["DBUS_SYSTEM_BUS_ADDRESS"])
        return "dbus-python", dbus.Interface(bus.get_object(NAME, PATH), IFACE).SetUpdateControlMap
    except ImportError:
        pass
    from gi.repository import Gio
    proxy = Gio.DBusProxy.new_for_bus_sync(Gio.BusType.SYSTEM, 0, None, NAME, PATH, IFACE, None)
    return "Gio", lambda text: proxy.SetUpdateControlMap("(s)", text)
library, call = client()
start = time.monotonic()
for _ in range(count):
    call(text)
print(library, count / (time.monotonic() - start))
`;

const PYTHON_PROGRAM = "/usr/bin/python3";

/** Measures both sides turn by turn. */
export async function benchFlow(runs: number): Promise<FlowFigures> {
  const calls = { ours: [] as number[], theirs: [] as number[] };
  const first = { ours: [] as number[], theirs: [] as number[] };
  const library: number[] = [];
  let python: string | undefined;
  await withUpdateRig({ lifeSeconds: 3600 }, async (rig) => {
    const text = controlMapText(pauseAll({ id: letterId("A") }).map);
    const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: rig.bus.address };
    const callPython = async (count: number): Promise<number> => {
      const { stdout } = await run(PYTHON_PROGRAM, ["-c", PYTHON, text, String(count)], { env });
      const [library, perSecond] = stdout.trim().split(" ");
      python = library;
      return Number(perSecond);
    };
    const hasPython = spawnSync(PYTHON_PROGRAM, ["-c", PYTHON, text, "1"], { env }).status === 0;
    const callOurs = async (): Promise<number> => {
      const args = ["run", "-A", "--quiet", fileURLToPath(import.meta.url), "--calls", text];
      return Number((await run(process.execPath, args, { env })).stdout);
    };
    const commands = new FlowRig(rig.dir, rig.bus);
    const importing = join(rig.dir, "import.js");
    writeFileSync(importing, 'import "npm:@particle/dbus-next@0.11.4";\n');
    for (let n = 0; n < runs; n++) {
      calls.ours.push(await callOurs());
      if (hasPython) calls.theirs.push(await callPython(CALLS));
      first.ours.push(await timed(() => commands.run(["set", "--once", "--id", letterId("A")])));
      if (hasPython) first.theirs.push(await timed(() => callPython(1)));
      library.push(await timed(() => run(process.execPath, ["run", "-q", "-A", importing])));
    }
  });
  return { python, calls, first, library };
}

/** In a process of its own, as Python is: this one has server and client to look after. */
async function measureCalls(text: string): Promise<number> {
  const connection = await BusConnection.open(
    systemBusAddress(process.env.DBUS_SYSTEM_BUS_ADDRESS),
    { clock: systemClock },
  );
  const client = new UpdateManagerClient(connection);
  const start = performance.now();
  for (let call = 0; call < CALLS; call++) await client.setUpdateControlMap(text);
  const perSecond = CALLS / ((performance.now() - start) / 1000);
  connection.close();
  await connection.lost;
  return perSecond;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Update control over D-Bus, beside Python's libraries. */
export const flowRow: BenchRow = {
  name: "flow",
  title: "Update Control Maps set over D-Bus, and the start up to the first one",
  defaultRuns: 9,
  async run(runs) {
    const { python, calls, first, library } = await benchFlow(runs);
    printFigure("SetUpdateControlMap a second, ours", calls.ours, "calls");
    if (python === undefined) {
      console.log("  skipped: Python has no D-Bus library (python3-pydbus)");
    } else {
      printFigure(`SetUpdateControlMap a second, ${python}`, calls.theirs, "calls");
      const ratio = ratioOf(calls.ours, calls.theirs);
      printTarget(`calls a second, ours / ${python}`, ratio, { atLeast: 0.95 });
    }
    printFigure("process start → first map accepted, ours", first.ours, "ms");
    if (python !== undefined) {
      printFigure(`process start → first map accepted, ${python}`, first.theirs, "ms");
    }
    printFigure("bare runtime, imports the D-Bus library", library, "ms");
    const start = ratioOf(first.ours, library);
    printTarget("first map / import of the D-Bus library", start, { atMost: 2 });
  },
};

// Calls are counted in a process of their own.
const callsAt = process.argv.indexOf("--calls");
if (import.meta.main && callsAt > 0) {
  console.log(await measureCalls(process.argv[callsAt + 1] ?? ""));
}
