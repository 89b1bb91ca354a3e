/**
 * Real daemons and terminals against the embedded server for as long as you like, while everything goes
 * wrong at once: kills, reboots, cut connections, maps that hold, restarts of the server, failing
 * sub-updaters. Meanwhile somebody works in shells of every device. At the end every deployment and every
 * byte is accounted for, no shell has outlived its session, and memory and descriptors of daemons and
 * terminals have not grown.
 *
 * `deno task soak --minutes 5`; one hour when nothing is said, `--devices` (2), `--seed`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { hostDrivers } from "../lib/runtime/host.ts";
import { startServer } from "../lib/testing/mod.ts";
import { seededRandom } from "../tests/support/seeded_random.ts";
import { SoakDevice } from "./soak/device.ts";
import { accountOf } from "./soak/account.ts";
import { Weather } from "./soak/weather.ts";

const option = (name: string, otherwise: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
};
const minutes = option("minutes", 60);
const seed = option("seed", Date.now() % 1_000_000);
const count = option("devices", 2);

const root = mkdtempSync(join(tmpdir(), "mender-deno-soak-"));
const drivers = await hostDrivers();
const weather = await Weather.begin(
  () =>
    startServer({ drivers, autoAccept: true, dir: join(root, "server"), maxJournalEntries: 2000 }),
  seededRandom(seed),
);
const devices = Array.from(
  { length: count },
  (_, at) => new SoakDevice(join(root, `device-${at}`), weather, at, seededRandom(seed + 1 + at)),
);
console.log(`soak: ${minutes} minutes, ${count} devices, seed ${seed}`);
try {
  const until = performance.now() + minutes * 60_000;
  await weather.uploadArtifacts();
  await Promise.all([weather.blow(until), ...devices.map((device) => device.live(until))]);
  const wrongs = await accountOf(weather, devices);
  for (const wrong of wrongs) console.log(`wrong: ${wrong}`);
  console.log(wrongs.length === 0 ? "soak: all is accounted for" : `soak: ${wrongs.length} wrongs`);
  process.exitCode = wrongs.length === 0 ? 0 : 1;
} finally {
  await Promise.all(devices.map((device) => device.end()));
  await weather.end();
  rmSync(root, { recursive: true, force: true });
}
process.exit();
