import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Life } from "../life.ts";
import type { Group, Row } from "../row.ts";

/** Where the script that misbehaves notes each time that it did. */
const markOf = ({ rig }: Life): string => join(rig.root, "misbehaved");

const runsOf = (life: Life): number => life.rig.read(markOf(life)).length;

/** A script that misbehaves at its first runs, then does what it did before. */
function twice(life: Life, path: string, bad: string): void {
  const good = life.rig.read(path).replace("#!/bin/sh\n", "");
  const mark = markOf(life);
  rmSync(mark, { force: true });
  life.rig.script(
    path,
    `if [ "$(cat ${mark} 2>/dev/null | wc -l)" -lt 2 ]; then echo >> ${mark}\n${bad}\nexit; fi\n${good}`,
  );
}

const HANGS = "hangs until it is killed";

const MISBEHAVIOUR: readonly (readonly [words: string, lines: string])[] = [
  ["fails", "exit 3"],
  ["prints nothing", "exit 0"],
  ["prints what is no attribute", "echo hello; echo =; printf '\\001\\377\\n'"],
  ["prints a megabyte", "yes key=value | head -c 1000000"],
  ["kills itself", "kill -9 $$"],
  ["leaves a child that holds its output", "sleep 2 & exit 1"],
  [HANGS, "sleep 600"],
];

/** What takes seconds is played once: it has nothing to do with the protocol. */
function isSlow(words: string): Pick<Row, "schemes"> {
  return words === HANGS ? { schemes: ["http"] } : {};
}

/** It is given 100 s of the world's time. */
function shorten(life: Life, words: string): void {
  if (words === HANGS) life.scriptLimitMs = 2000;
}

/** Identity and inventory scripts that do not do what they should. */
export const SCRIPTS: Group = {
  title: "Identity and inventory scripts",
  rows: [
    ...MISBEHAVIOUR.map(([words, lines]): Row => ({
      fault: `the identity script ${words}, twice`,
      ...isSlow(words),
      strikes: 2,
      arm(life) {
        shorten(life, words);
        twice(life, life.rig.paths.identityScript, lines);
        life.server.revokeTokens();
      },
      strikesSeen: runsOf,
      repair: (life) =>
        life.rig.script(life.rig.paths.identityScript, "echo mac=02:11:22:33:44:55"),
    })),
    ...MISBEHAVIOUR.map(([words, lines]): Row => ({
      fault: `an inventory script ${words}`,
      ...isSlow(words),
      arm(life) {
        shorten(life, words);
        rmSync(markOf(life), { force: true });
        const path = join(life.rig.paths.inventoryDirectory, "bad");
        life.rig.script(path, `echo >> ${markOf(life)}\n${lines}`);
        life.program.kill("SIGUSR2");
      },
      strikesSeen: runsOf,
      repair: (life) => rmSync(join(life.rig.paths.inventoryDirectory, "bad"), { force: true }),
    })),
  ],
};
