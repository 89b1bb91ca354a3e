import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { waitUntil } from "../../../support/wait.ts";
import { type Life, ROW_LIMIT_MS } from "../life.ts";
import type { Row } from "../row.ts";

/** Waits for a file, then becomes the program that was to be started: a machine that hardly moves. */
const LATE = 'echo $$ >> "$1.waiting"; while [ ! -e "$1" ]; do sleep 0.02; done; shift; exec "$@"';

/** How long the start hangs, on the device's clock. */
const HANGING_MS = 20_000;

const gateOf = ({ rig }: Life): string => join(rig.root, "gate");

/** Process IDs of what has been started and waits. */
const waitingOf = (life: Life): number[] =>
  life.rig.read(`${gateOf(life)}.waiting`).split("\n").filter((line) => line !== "").map(Number);

function hanging(words: string, act: (life: Life) => Promise<void>, more: Partial<Row> = {}): Row {
  let installed = 0;
  return {
    fault: `the start of the sub-updater hangs${words}`,
    schemes: ["http"],
    arm(life) {
      const gate = gateOf(life);
      for (const path of [gate, `${gate}.waiting`]) rmSync(path, { force: true });
      installed = life.rig.installed().length;
      life.onStart = ({ command, args }) => ({
        command: "/bin/sh",
        args: ["-c", LATE, "-", gate, command, ...args],
      });
    },
    during: async (life) => {
      await waitUntil("the start", () => waitingOf(life).length > 0);
      life.hasStruck();
      await act(life);
      writeFileSync(gateOf(life), "");
    },
    strikesSeen(life) {
      // It was started once, however often that was tried; or not at all, when nothing else is said.
      const times = more.end === "failure" ? 0 : 1;
      assert.equal(life.rig.installed().length - installed, times);
      return 0;
    },
    ...more,
  };
}

/** Starts of the sub-updater that take their time, or come to nothing. */
export function lateStarts(): Row[] {
  return [
    hanging(" for a while", async (life) => {
      const sinceMs = life.now();
      await waitUntil("a while", () => life.now() - sinceMs > HANGING_MS, ROW_LIMIT_MS);
      assert.equal(life.rig.record().phase, "handing_over");
    }),
    hanging(", and the daemon is started again meanwhile", async (life) => {
      await life.stopDaemon();
      life.startDaemon();
      await waitUntil("the other start", () => waitingOf(life).length > 1, ROW_LIMIT_MS);
    }),
    hanging(", until it is killed", (life) => {
      for (const pid of waitingOf(life)) process.kill(pid, "SIGKILL");
      return Promise.resolve();
    }, { end: "failure" }),
  ];
}
