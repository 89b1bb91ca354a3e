import type { Sample, SoakDevice } from "./device.ts";
import { reported } from "./sub_updater.ts";
import type { Weather } from "./weather.ts";

const FINAL = ["success", "failure"];
/** Warming up takes some of the first memory; slopes are taken from what comes after. */
const WARM_SECONDS = 120;
/** What a daemon may seem to grow in a minute although it does not. */
const MAX_MIB_A_MINUTE = 1.5;
const MAX_DESCRIPTORS_A_MINUTE = 0.5;

/** Looks whether everything that was deployed came to its end, once, and prints the figures. */
export async function accountOf(
  weather: Weather,
  devices: readonly SoakDevice[],
): Promise<string[]> {
  const wrongs: string[] = [];
  const ends = new Map<string, number>();
  let held = 0;
  for (const device of devices) {
    wrongs.push(...device.wrongs, ...device.flow.wrongs);
    const starts = device.starts();
    const reports = reported(device.rig);
    for (const id of device.deployments) {
      const history = weather.server.deployment(id).devices[0]?.history ?? [];
      const finals = history.map(({ status }) => status).filter((status) => FINAL.includes(status));
      if (finals.length !== 1) {
        wrongs.push(`deployment ${id} ended ${finals.length} times: ${finals}`);
      }
      if (history.some(({ status }) => status.startsWith("pause_before_"))) held++;
      const end = finals[0] ?? "nothing";
      ends.set(end, (ends.get(end) ?? 0) + 1);
      const report = reports.get(id) ?? end;
      if (report !== end) wrongs.push(`deployment ${id} ended in ${end}, reported was ${report}`);
      const started = starts.get(id) ?? 0;
      if (started > 1) wrongs.push(`the sub-updater of ${id} was started ${started} times`);
      if (end === "success" && started !== 1) wrongs.push(`${id}: success without an installation`);
    }
    wrongs.push(...growthOf(device.samples));
  }
  await Promise.resolve();
  for (const { violation, path } of weather.server.violations()) {
    wrongs.push(`violation: ${violation} (${path})`);
  }
  const counts = [...ends].map(([end, number]) => `${number} ${end}`).join(", ");
  console.log(`deployments: ${counts}; ${held} of them held meanwhile`);
  const troubles = [...weather.troubles].sort().map(([kind, number]) => `${number} × ${kind}`);
  console.log(`troubles: ${troubles.join(", ")}`);
  return wrongs;
}

/** The longest life of a device's daemons tells whether they grow. */
function growthOf(samples: readonly Sample[]): string[] {
  const longest = longestLife(samples).filter(({ seconds }) => seconds > WARM_SECONDS);
  const memory = slope(longest.map(({ seconds, rssMiB }) => [seconds / 60, rssMiB]));
  const descriptors = slope(longest.map(({ seconds, descriptors }) => [seconds / 60, descriptors]));
  const [first, last] = [longest[0], longest.at(-1)];
  if (first === undefined || last === undefined) return [];
  console.log(
    `longest life: ${Math.round(last.seconds)} s, ${first.rssMiB.toFixed(0)} to ${
      last.rssMiB.toFixed(0)
    } MiB (${
      memory.toFixed(2)
    } a minute), ${first.descriptors} to ${last.descriptors} descriptors (${
      descriptors.toFixed(2)
    } a minute)`,
  );
  // A short life says nothing.
  if (last.seconds < 300) return [];
  return [
    ...memory > MAX_MIB_A_MINUTE ? [`memory grows by ${memory.toFixed(2)} MiB a minute`] : [],
    ...descriptors > MAX_DESCRIPTORS_A_MINUTE
      ? [`descriptors grow by ${descriptors.toFixed(2)} a minute`]
      : [],
  ];
}

function longestLife(samples: readonly Sample[]): Sample[] {
  let best: Sample[] = [];
  for (const life of new Set(samples.map((sample) => sample.life))) {
    const own = samples.filter((sample) => sample.life === life);
    if ((own.at(-1)?.seconds ?? 0) > (best.at(-1)?.seconds ?? 0)) best = own;
  }
  return best;
}

/** Slope of the straight line through some points, by least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  if (n < 2) return 0;
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  const above = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const below = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return below === 0 ? 0 : above / below;
}
