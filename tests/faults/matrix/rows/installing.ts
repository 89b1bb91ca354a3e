import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { waitUntil } from "../../../support/wait.ts";
import { type Life, ROW_LIMIT_MS } from "../life.ts";
import type { Group, Row } from "../row.ts";
import { lateStarts } from "./late_start.ts";
import { handedOver } from "./server_side.ts";

/** Sub-updaters that end without a report. */
const ENDS: readonly (readonly [words: string, arm: (life: Life) => void])[] = [
  ["is not there", (life) => rmSync(life.rig.paths.installScript)],
  [
    "is not executable",
    (life) => life.rig.write(life.rig.paths.installScript, "#!/bin/sh\n", 0o644),
  ],
  [
    "is no program",
    (life) => life.rig.write(life.rig.paths.installScript, "\u007fELF\u0001", 0o755),
  ],
  ["ends without a report, and leaves the lock", install("exit 0")],
  [
    "ends without a report, and removes the lock",
    (life) => install(`rm ${life.rig.paths.lock}`)(life),
  ],
  ["kills itself", install("kill -9 $$")],
];

function install(lines: string): (life: Life) => void {
  return (life) => life.rig.script(life.rig.paths.installScript, lines);
}

function restoreSubUpdater(life: Life): void {
  install(`echo "$1" >> ${life.rig.root}/installed`)(life);
}

/** The sub-updater is at work, and only what the row says comes of it. */
function reporting(words: string, report: (life: Life) => Promise<unknown>): Row {
  return {
    fault: `the sub-updater ${words}`,
    arm: (life) => life.subUpdater.behave("does nothing"),
    during: async (life) => {
      await handedOver(life);
      await report(life);
      life.hasStruck();
    },
  };
}

/** While it lives it is waited for, however long that takes. */
const HANGS: Row = {
  fault: "the sub-updater hangs, until somebody kills it after twice the time limit",
  schemes: ["http"],
  end: "failure",
  arm(life) {
    life.subUpdater.behave("does nothing");
    const { root } = life.rig;
    rmSync(join(root, "hung"), { force: true });
    install(`echo $$ > ${root}/hung.new; mv ${root}/hung.new ${root}/hung; exec sleep 600`)(life);
  },
  during: async (life) => {
    await handedOver(life);
    const pid = await waitUntil("it", () => Number(life.rig.read(join(life.rig.root, "hung"))));
    const sinceMs = life.now();
    await waitUntil(
      "twice the limit",
      () => life.now() - sinceMs > 2 * LIMIT_SECONDS * 1000,
      ROW_LIMIT_MS,
    );
    assert.equal(life.rig.record().phase, "handed_over");
    process.kill(pid, "SIGKILL");
  },
  repair: restoreSubUpdater,
};

const LIMIT_SECONDS = 20;

/** A sub-updater that does not do what it should. */
export const INSTALLING: Group = {
  title: "The sub-updater",
  config: { HandoffTimeoutSeconds: LIMIT_SECONDS, HandoffRunner: "fork" },
  rows: [
    ...ENDS.map(([words, arm]): Row => ({
      fault: `the sub-updater ${words}`,
      end: "failure",
      arm(life) {
        life.subUpdater.behave("does nothing");
        arm(life);
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
    HANGS,
    reporting("reports success, then failure", async (life) => {
      await life.run("report", "--success");
      await life.run("report", "--failure");
    }),
    reporting(
      "reports four times at once",
      (life) => Promise.all([1, 2, 3, 4].map(() => life.run("report", "--success"))),
    ),
    ...lateStarts(),
  ],
};
