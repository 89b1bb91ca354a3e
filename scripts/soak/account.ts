import type { SoakDevice } from "./device.ts";
import { isFinal } from "./final_status.ts";
import type { SoakOperator } from "./operator.ts";
import { reported } from "./sub_updater.ts";
import type { Weather } from "./weather.ts";

/** Looks whether everything that was deployed came to its end, once, and prints the figures. */
export async function accountOf(
  weather: Weather,
  devices: readonly SoakDevice[],
): Promise<string[]> {
  const wrongs: string[] = [];
  const ends = new Map<string, number>();
  let held = 0;
  for (const device of devices) {
    wrongs.push(...device.wrongs, ...device.flow.wrongs, ...device.terminal.wrongs);
    wrongs.push(...device.operator.wrongs, ...device.operator.shells.wrongs);
    const starts = device.starts();
    const reports = reported(device.rig);
    for (const id of device.deployments) {
      const history = weather.server.deployment(id).devices[0]?.history ?? [];
      const finals = history.map(({ status }) => status).filter(isFinal);
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
    console.log(remoteAccount(device.operator));
    wrongs.push(...device.growth.account(), ...device.terminal.growth.account());
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

/** What was done over remote access of a device, and what became of it. */
function remoteAccount({ sessions, files, bytes, shells, broken }: SoakOperator): string {
  const by = [...broken].sort().map(([kind, number]) => `${number} by ${kind}`);
  return `remote access: ${sessions} sessions, ${files} files there and back, ${
    (bytes / 2 ** 20).toFixed(1)
  } MiB compared, ${shells.ended} shells left behind and seen to end; broken: ${
    by.join(", ") || "none"
  }`;
}
