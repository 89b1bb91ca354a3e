/** Programs that know nothing of us set maps at our daemon. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { controlMapText } from "../../lib/control/control_map_json.ts";
import { notedMap } from "../support/control_maps.ts";
import { peer } from "../support/peers.ts";
import { busPeer } from "../support/system_bus.ts";
import { test } from "../support/test.ts";
import { type UpdateRig, withUpdateRig } from "../support/update_rig.ts";

const run = promisify(execFile);
const NAME = "io.mender.UpdateManager";
const PATH = "/io/mender/UpdateManager";

/** How a program calls `SetUpdateControlMap`, what it prints of 300, and of an error. */
const CALLERS = [
  {
    program: "gdbus",
    hint: "apt-get install libglib2.0-bin",
    args: (map: string) => [
      ...["call", "--system", "--dest", NAME, "--object-path", PATH],
      ...["--method", "io.mender.Update1.SetUpdateControlMap", map],
    ],
    prints: "(300,)",
  },
  {
    program: "busctl",
    hint: "apt-get install systemd",
    args: (map: string) => [
      ...["--system", "call", NAME, PATH, "io.mender.Update1", "SetUpdateControlMap", "s", map],
    ],
    prints: "i 300",
  },
  {
    program: "dbus-send",
    hint: "apt-get install dbus",
    args: (map: string) => [
      ...["--system", "--print-reply=literal", `--dest=${NAME}`, PATH],
      ...["io.mender.Update1.SetUpdateControlMap", `string:${map}`],
    ],
    prints: "int32 300",
  },
] as const;

for (const { program, hint, args, prints } of CALLERS) {
  const found = peer(program, hint);
  const call = async (rig: UpdateRig, text: string): Promise<string> => {
    const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: rig.bus.address };
    return (await run(program, args(text), { env })).stdout.trim();
  };
  test(
    `${program} holds an update of our daemon, is told why a map is refused, and lets it go`,
    () =>
      withUpdateRig({ lifeSeconds: 600, client: "our daemon" }, async (rig) => {
        assert.equal(await call(rig, controlMapText(notedMap("A0:pause"))), prints);
        const id = await rig.update();
        await rig.reaches(id, "pause_before_installing");
        await assert.rejects(call(rig, '{"id":"no"}'), (error: Error & { stderr: string }) => {
          assert.match(error.stderr, /Cannot use the Update Control Map: id: ./);
          return true;
        });
        await call(rig, controlMapText(notedMap("A0:")));
        await rig.reaches(id, "success");
      }),
    busPeer.skip === undefined ? found : busPeer,
  );
}
