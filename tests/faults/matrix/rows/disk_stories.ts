import { rmSync } from "node:fs";
import { leaveStaleSocket } from "../../../support/stale_socket.ts";
import { DURABLE_STEPS } from "../../kill/durable_steps.ts";
import type { Life } from "../life.ts";
import type { Row } from "../row.ts";
import { whileHeld } from "./held.ts";
import { handedOver } from "./server_side.ts";

/** A way in which a deployment goes, with the durable steps that are taken on it alone. */
export interface DiskStory {
  /** Told behind the fault. */
  readonly words: string;
  /** Names of the steps. */
  readonly steps: readonly string[];
  /** Makes it go that way; what is to happen at the steps is set before. */
  readonly play: Pick<Row, "arm" | "during">;
  /** Whether the daemon is started again behind the steps anyway. */
  readonly restartsDaemon?: boolean;
}

const IS_HELD = /control_maps|\(held\)/;
const IS_FAILURE = /log-upload/;
const IS_ALONE = /\.turn|daemon\.sock/;
const IS_LOCK_LEFT = /remove update\.lock/;

/** The sub-updater is started by a program of its own, which writes nothing for us. */
const STEPS = [...new Set(DURABLE_STEPS.map((step) => step.replace(/^\w+: /, "")))]
  .filter((step) => step !== "start the sub-updater");

const which = (own: RegExp): string[] => STEPS.filter((step) => own.test(step));

/** Every durable step that there is, each in a story in which it is taken. */
export const DISK_STORIES: readonly DiskStory[] = [
  {
    words: "",
    steps: STEPS.filter((step) =>
      ![IS_HELD, IS_FAILURE, IS_ALONE, IS_LOCK_LEFT].some((own) => own.test(step))
    ),
    play: {},
  },
  {
    words: ", while update control holds the deployment",
    steps: which(IS_HELD),
    play: whileHeld(() => {}),
  },
  {
    words: ", when the sub-updater reports failure",
    steps: which(IS_FAILURE),
    play: { arm: (life) => life.subUpdater.behave("reports failure") },
  },
  {
    words: ", when the sub-updater leaves the lock",
    steps: which(IS_LOCK_LEFT),
    play: { arm: (life) => life.subUpdater.behave("leaves the lock") },
  },
  {
    words: ", when no daemon runs while the sub-updater reports",
    steps: which(IS_ALONE),
    play: {
      arm: (life) => life.subUpdater.behave("does nothing"),
      during: reportsAlone,
    },
    restartsDaemon: true,
  },
];

/** The daemon has been killed: its socket is still there. A `report` delivers by itself, when it can. */
async function reportsAlone(life: Life): Promise<void> {
  const { controlSocket, lock } = life.rig.paths;
  await handedOver(life);
  await life.stopDaemon();
  await leaveStaleSocket(controlSocket);
  await life.run("report", "--success");
  rmSync(lock, { force: true });
  // Where all was lost, it is started again.
  life.subUpdater.behave("reports success");
  await life.daemonIsUp();
}
