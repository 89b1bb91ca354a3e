import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { waitUntil } from "../../../support/wait.ts";
import { type Life, ROW_LIMIT_MS } from "../life.ts";
import type { Group, Row } from "../row.ts";
import type { DiskStory } from "./disk_stories.ts";
import { eachStep } from "./disks.ts";
import { inTheMiddle } from "./in_the_middle.ts";

/** Removes all that is durable; gives what brings back what no start would make: key and device type. */
function removeData({ rig }: Life): () => void {
  const { dataDirectory, key, deviceType } = rig.paths;
  const kept = [key, deviceType].map((path) => [path, readFileSync(path)] as const);
  // All at once: the sub-updater may be writing there, so that file by file it could fail.
  renameSync(dataDirectory, `${dataDirectory}.${randomUUID()}`);
  return () => {
    mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
    for (const [path, content] of kept) writeFileSync(path, content, { mode: 0o600 });
  };
}

async function restartDaemon(life: Life): Promise<void> {
  await life.stopDaemon();
  life.startDaemon();
}

/** All is gone, and the daemon does not even notice. */
export const EMPTIED: Row = {
  fault: "the data directory is emptied in the middle of the download",
  end: "reported",
  arm: (life) => inTheMiddle(life, () => removeData(life)()),
  // Its control socket is gone too, until it starts again.
  repair: restartDaemon,
};

const returning = new WeakMap<Life, Promise<void>>();

/** It is gone from a step on. Somebody makes it again, and starts the daemon again. */
function isGoneFrom(life: Life, step: string, { restartsDaemon = false }: DiskStory): void {
  let bringBack: (() => void) | undefined;
  life.onStep = (at) => {
    if (at !== step || bringBack !== undefined) return;
    bringBack = removeData(life);
    life.hasStruck();
  };
  life.onDaemonStart = () => bringBack?.();
  const isBack = restartsDaemon ? Promise.resolve() : restartOnce(life);
  isBack.catch(() => {}); // told by whoever waits for it
  returning.set(life, isBack);
}

async function restartOnce(life: Life): Promise<void> {
  await waitUntil("the step", () => life.strikes > 0, ROW_LIMIT_MS);
  await life.stopDaemon();
  await life.daemonIsUp();
}

/** The data directory is removed at every durable step. */
export const DIRECTORY: Group = {
  title: "Disks: the data directory is removed",
  clockFactor: 40,
  config: { HandoffRunner: "fork", UpdateControlMapExpirationTimeSeconds: 36_000 },
  rows: eachStep("the data directory is removed, until the daemon is started again", isGoneFrom, {
    isByChance: true,
    tellsAgain: true,
  }).map((row): Row => ({
    ...row,
    during: async (life) => {
      await Promise.all([row.during?.(life), returning.get(life)]);
    },
  })),
};
