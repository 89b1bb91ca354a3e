import { shellLine } from "../../lib/core/shell_words.ts";
import { ClientRig, type Running } from "./client_rig.ts";

/** What the sub-updater does where a Mender client would go on by itself. */
const SUB_UPDATER = `set -u
data=$(dirname "$1")
fail() { report --failure --message "$1" && rm -f "$data/update.lock"; exit 1; }
case $(tar -xOf "$1" header.tar.gz | tar -xzOf - headers/0000/type-info) in
  *reboot*)
    wait_at ArtifactReboot_Enter || fail "held at the reboot"
    report --status rebooting
    wait_at ArtifactCommit_Enter || fail "held at the commit"
    report --status installing
    ;;
  *) wait_at ArtifactCommit_Enter || fail "held at the commit" ;;
esac
report --success && rm -f "$data/update.lock"`;

/** How {@link OurDaemon} is set up. */
export interface OurDaemonOptions {
  /** Directory of the device's files. */
  readonly dir: string;
  /** Its server. */
  readonly serverUrl: string;
  /** Socket of its bus. */
  readonly busSocket: string;
  /** Further keys of mender.conf. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Our daemon in the place of mender's, with a sub-updater that asks before it reboots and commits. */
export class OurDaemon {
  readonly rig: ClientRig;
  readonly #output: (() => string)[] = [];
  #running: Running | undefined;

  /** Lays out its files; nothing runs yet. */
  constructor({ dir, serverUrl, busSocket, config }: OurDaemonOptions) {
    this.rig = new ClientRig(dir, {
      serverUrl,
      busSocket,
      config,
      artifactName: "release-0",
      identity: "echo mac=02:11:22:33:44:66",
      limitMs: 600_000,
    });
    const { rig } = this;
    rig.script(
      rig.paths.installScript,
      `export DBUS_SYSTEM_BUS_ADDRESS='unix:path=${busSocket}'
report() { ${shellLine(rig.command("report"))} "$@"; }
wait_at() { ${shellLine(rig.command("flow", "wait"))} "$1"; }
${SUB_UPDATER}`,
    );
  }

  /** Starts it; it stays after a hand-over. */
  start(): void {
    this.#running = this.rig.start("daemon", "--stay");
    this.#output.push(this.#running.output);
  }

  /** Everything that it wrote so far. */
  get output(): string {
    return this.#output.map((output) => output()).join("");
  }

  /** An error of a test, with what the daemon said. */
  blamed(error: unknown): Error {
    const said = this.output.slice(-8000);
    const updater = this.rig.read(this.rig.paths.subUpdaterLog).slice(-4000);
    return new Error(
      `${error instanceof Error ? error.message : error}\nour daemon said:\n${said}\n` +
        `the sub-updater said:\n${updater}`,
      { cause: error },
    );
  }

  /** Ends it; SIGKILL gives it no time to tidy up. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running === undefined) return;
    running.kill(signal);
    await running.ended;
  }
}
