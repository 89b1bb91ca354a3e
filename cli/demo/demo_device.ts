import { join } from "../../lib/core/posix_path.ts";
import { type Paths, wellKnownPaths } from "../../lib/config/mod.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { programModules } from "../../lib/runtime/project_directory.ts";
import { subUpdaterScript } from "./sub_updater_script.ts";
import { MAIN_MODULE } from "../main_module.ts";

/** Device type of the demo's device. */
export const DEMO_DEVICE_TYPE = "demo-device";
/** What the device runs before the update. */
export const OLD_ARTIFACT = "demo-release-1";
/** What the update brings. */
export const NEW_ARTIFACT = "demo-release-2";

/** A device in a directory: everything that a real one has under `/`. */
export interface DemoDevice {
  readonly root: string;
  readonly paths: Paths;
  /** Directory that the update is installed to. */
  readonly target: string;
  /** Command and arguments that run one of our commands on this device. */
  readonly command: (name: "daemon" | "report") => string[];
}

/** Lays out a device under `root` that asks the given server every second. */
export function makeDemoDevice(drivers: Drivers, root: string, serverUrl: string): DemoDevice {
  const paths = wellKnownPaths({ root });
  const target = join(root, "opt/demo-app");
  const command = (name: "daemon" | "report"): string[] => [
    ...drivers.self.selfCommand(MAIN_MODULE, [
      `--permission-set=${name}`,
      `--allow-read=${[root, ...programModules()].join(",")}`,
      // Its server speaks plain http: the certificates of this machine are none of the demo's business.
      "--deny-env=SSL_CERT_FILE",
      `--allow-write=${root}`,
      `--allow-net=${new URL(serverUrl).host},unix:${paths.controlSocket}`,
    ]),
    name,
    "--root",
    root,
  ];
  const write = (path: string, text: string, mode = 0o644): void => {
    drivers.files.makeDirectory(join(path, ".."), 0o755);
    const handle = drivers.files.open(path, "create", { permissions: mode });
    handle.write(new TextEncoder().encode(text));
    handle.close();
    drivers.files.changeMode(path, mode);
  };
  const config = {
    ServerURL: serverUrl,
    UpdatePollIntervalSeconds: 1,
    InventoryPollIntervalSeconds: 60,
    RetryPollIntervalSeconds: 1,
  };
  drivers.files.makeDirectory(paths.dataDirectory, 0o700);
  write(paths.mainConfig, JSON.stringify(config, null, 2));
  write(paths.artifactInfo, `artifact_name=${OLD_ARTIFACT}\n`);
  write(paths.deviceType, `device_type=${DEMO_DEVICE_TYPE}\n`);
  write(paths.identityScript, "#!/bin/sh\necho mac=02:00:00:de:00:01\n", 0o755);
  write(
    join(paths.inventoryDirectory, "mender-inventory-demo"),
    '#!/bin/sh\necho "kernel=$(uname -sr)"\necho "cpus=$(nproc)"\n',
    0o755,
  );
  const script = subUpdaterScript({
    target,
    artifactInfo: paths.artifactInfo,
    lock: paths.lock,
    artifactName: NEW_ARTIFACT,
    report: command("report"),
  });
  write(paths.installScript, script, 0o755);
  return { root, paths, target, command };
}
