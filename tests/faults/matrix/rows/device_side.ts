import { rmSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../../support/wait.ts";
import { DURABLE_STEPS } from "../../kill/durable_steps.ts";
import { ARTIFACT, ETAG, type Life, SIZE } from "../life.ts";
import type { Group, Row } from "../row.ts";
import { handedOver } from "./server_side.ts";

const ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
  EACCES: "permission is lost",
};
const HOUR_MS = 3_600_000;
const FIFTY_YEARS_MS = 50 * 365 * 24 * HOUR_MS;

/** Steps of a deployment that ends well; the kill matrix has those of its other ends. */
const STEPS = [...new Set(DURABLE_STEPS.map((step) => step.replace(/^\w+: /, "")))]
  .filter((step) => !/log-upload|\.turn|daemon\.sock/.test(step));

/** Every durable step fails twice, in each of the ways of a disk. */
export const DISKS: readonly Group[] = Object.entries(ERRORS).map(([code, words]) => ({
  title: `Disks: ${words}`,
  clockFactor: 40,
  rows: STEPS.map((step): Row => ({
    fault: `${words}, twice: ${step}`,
    family: `${words}, twice: …`,
    member: step,
    end: "reported",
    schemes: ["http"],
    isLight: true,
    arm(life) {
      let left = 2;
      life.onStep = (at) => {
        if (at !== step || left-- <= 0) return;
        throw Object.assign(new Error(`${code}: ${step}`), { code });
      };
    },
  })),
}));

/** Clocks that jump, and machines that sleep. */
export const TIME: Group = {
  title: "Time",
  rows: [
    ...([[1, "forward"], [-1, "back"]] as const).map(([sign, word]): Row => ({
      fault: `the wall clock jumps ${word} by fifty years in the middle of the download`,
      arm: (life) =>
        inTheMiddle(life, () => void (life.clockIsOffBy.wall += sign * FIFTY_YEARS_MS)),
      repair: (life) => void (life.clockIsOffBy.wall = 0),
    })),
    {
      fault: "the machine sleeps for an hour in the middle of the download",
      arm: (life) => inTheMiddle(life, () => sleepForAnHour(life)),
    },
    {
      fault: "the machine sleeps for an hour while the sub-updater works",
      arm: (life) => life.subUpdater.behave("does nothing"),
      during: async (life) => {
        await handedOver(life);
        sleepForAnHour(life);
        await life.run("report", "--success");
      },
    },
    {
      fault: "the wall clock shows 1970",
      arm: (life) => void (life.clockIsOffBy.wall = -Date.now()),
      repair: (life) => void (life.clockIsOffBy.wall = 0),
    },
    {
      fault: "the wall clock shows 2080",
      arm: (life) => void (life.clockIsOffBy.wall = Date.UTC(2080, 0) - Date.now()),
      repair: (life) => void (life.clockIsOffBy.wall = 0),
    },
  ],
};

function sleepForAnHour(life: Life): void {
  life.clockIsOffBy.wall += HOUR_MS;
  life.clockIsOffBy.monotonic += HOUR_MS;
}

/** Cuts the first download in the middle, after doing something. */
export function inTheMiddle(life: Life, act: () => void | Promise<void>): void {
  life.on("artifact", 1, async (exchange) => {
    exchange.start(200, { etag: ETAG, "content-length": `${SIZE}` });
    const half = SIZE >> 1;
    await exchange.write(ARTIFACT.subarray(0, half));
    const { partFile } = life.rig.paths;
    await waitUntil("the first half", () => life.rig.read(partFile).length > 0);
    await act();
    exchange.cut();
  });
}

/** A script that misbehaves at its first runs, then does what it did before. */
function twice(life: Life, path: string, bad: string): void {
  const good = life.rig.read(path).replace("#!/bin/sh\n", "");
  const mark = join(life.rig.root, "misbehaved");
  rmSync(mark, { force: true });
  life.rig.script(
    path,
    `if [ "$(cat ${mark} 2>/dev/null | wc -l)" -lt 2 ]; then echo >> ${mark}\n${bad}\nexit; fi\n${good}`,
  );
}

const MISBEHAVIOUR: readonly (readonly [words: string, lines: string])[] = [
  ["fails", "exit 3"],
  ["prints nothing", "exit 0"],
  ["prints what is no attribute", "echo hello; echo =; printf '\\001\\377\\n'"],
  ["prints a megabyte", "yes key=value | head -c 1000000"],
  ["kills itself", "kill -9 $$"],
  ["leaves a child that holds its output", "sleep 2 & exit 1"],
];

/** Identity, inventory and sub-updater that do not do what they should. */
export const SCRIPTS: Group = {
  title: "Scripts and the sub-updater",
  config: { HandoffTimeoutSeconds: 20, HandoffRunner: "fork" },
  rows: [
    ...MISBEHAVIOUR.filter(([words]) => !/no attribute|megabyte/.test(words)).map((
      [words, lines],
    ): Row => ({
      fault: `the identity script ${words}, twice`,
      arm(life) {
        twice(life, life.rig.paths.identityScript, lines);
        life.server.revokeTokens();
      },
      repair: (life) =>
        life.rig.script(life.rig.paths.identityScript, "echo mac=02:11:22:33:44:55"),
    })),
    ...MISBEHAVIOUR.map(([words, lines]): Row => ({
      fault: `an inventory script ${words}`,
      arm(life) {
        life.rig.script(join(life.rig.paths.inventoryDirectory, "bad"), lines);
        life.program.kill("SIGUSR2");
      },
      repair: (life) => rmSync(join(life.rig.paths.inventoryDirectory, "bad"), { force: true }),
    })),
    ...[
      ["is not there", (life: Life) => rmSync(life.rig.paths.installScript)],
      [
        "is not executable",
        (life: Life) => life.rig.write(life.rig.paths.installScript, "#!/bin/sh\n", 0o644),
      ],
      [
        "is no program",
        (life: Life) => life.rig.write(life.rig.paths.installScript, "\u007fELF\u0001", 0o755),
      ],
      ["ends without a report, and leaves the lock", install("exit 0")],
      [
        "ends without a report, and removes the lock",
        (life: Life) => install(`rm ${life.rig.paths.lock}`)(life),
      ],
      ["kills itself", install("kill -9 $$")],
    ].map(([words, arm]): Row => ({
      fault: `the sub-updater ${words}`,
      end: "failure",
      arm(life) {
        life.subUpdater.behave("does nothing");
        (arm as (life: Life) => void)(life);
      },
      repair: restoreSubUpdater,
    })),
    {
      fault: "the sub-updater writes 30 MB to its output, and fails",
      end: "failure",
      arm(life) {
        life.subUpdater.behave("reports failure");
        install(`yes 0123456789 | head -c 30000000; echo "$1" >> ${life.rig.root}/installed`)(life);
      },
      repair: restoreSubUpdater,
    },
    {
      fault: "the sub-updater reports success, then failure",
      arm: (life) => life.subUpdater.behave("does nothing"),
      during: async (life) => {
        await handedOver(life);
        await life.run("report", "--success");
        await life.run("report", "--failure");
      },
    },
    {
      fault: "the sub-updater reports four times at once",
      arm: (life) => life.subUpdater.behave("does nothing"),
      during: async (life) => {
        await handedOver(life);
        await Promise.all([1, 2, 3, 4].map(() => life.run("report", "--success")));
      },
    },
  ],
};

function install(lines: string): (life: Life) => void {
  return (life) => life.rig.script(life.rig.paths.installScript, lines);
}

function restoreSubUpdater(life: Life): void {
  install(`echo "$1" >> ${life.rig.root}/installed`)(life);
}
