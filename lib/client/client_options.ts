import type { JsonObject } from "../core/json.ts";
import type { Logger } from "../core/logger.ts";
import type { InstallationHandler } from "../deployment/handoff/installation.ts";

/** Options of {@link MenderClient.start}; without any it is the daemon of this machine. */
export interface MenderClientOptions {
  /** Every default path lies under this directory; `/` when absent. */
  readonly root?: string;
  /** State directory; `/var/lib/mender` below `root` when absent. One client at a time holds it. */
  readonly dataDirectory?: string;
  /** Main configuration; `/etc/mender/mender.conf` below `root` when absent. */
  readonly configFile?: string;
  /** Keys of `mender.conf` that are set here, `ServerURL` for example; they win over the files. */
  readonly settings?: JsonObject;
  /** The identity of the device; that of the identity script when absent. It must never change. */
  readonly identity?: Readonly<Record<string, string>>;
  /** Where what happens is written, free of secrets; nowhere when absent. */
  readonly logger?: Logger;
  /**
   * Installs Artifacts in this process, in the place of the sub-updater. It is called at most once for a
   * deployment, whatever happens to the process.
   */
  readonly onDeployment?: InstallationHandler;
  /**
   * Finishes an installation that had begun when the process ended: after a crash, after `close`, or after
   * a reboot that the installation itself has made. Called at each start until it has settled. Without it
   * such a deployment has failed.
   */
  readonly onResume?: InstallationHandler;
}
