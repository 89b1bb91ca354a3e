/** Durable files that are not as they were left, at the points of a deployment at which they count. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../../support/wait.ts";
import type { LogLine } from "../device_program.ts";
import { type Life, ROW_LIMIT_MS } from "../life.ts";
import type { Group, Row } from "../row.ts";
import { inTheMiddle } from "./device_side.ts";
import { handedOver } from "./server_side.ts";

type Damage = (content: Uint8Array<ArrayBuffer>) => Uint8Array;
const DAMAGES: readonly (readonly [words: string, damage: Damage])[] = [
  ["has a bit flipped", (content) => {
    const at = content.length >> 1;
    content[at]! ^= 0x10;
    return content;
  }],
  ["lost its end", (content) => content.subarray(0, content.length >> 1)],
  ["is empty", () => new Uint8Array()],
  ["is all zeros", (content) => content.fill(0)],
  ["is of another version", (content) =>
    new TextEncoder().encode(
      new TextDecoder().decode(content).replace('"schema": 1', '"schema": 9'),
    )],
];

/** Damages a file while no daemon runs. */
async function damaged(life: Life, path: string, damage: Damage): Promise<void> {
  await life.stopDaemon();
  writeFileSync(path, damage(new Uint8Array(readFileSync(path))));
  life.startDaemon();
}

/** A row for each damage that fits: what it is, when it is done, and how it is played. */
function eachDamage(
  name: string,
  when: string,
  which: RegExp,
  play: (damage: Damage) => Pick<Row, "arm" | "during" | "end">,
): Row[] {
  return DAMAGES.filter(([words]) => which.test(words)).map(([words, damage]): Row => ({
    fault: `${name} ${words}, ${when}`,
    family: `${name} …, ${when}`,
    member: words,
    end: "reported",
    repair: removeAside,
    ...play(damage),
  }));
}

function whileDownloading(name: string, path: (life: Life) => string, which: RegExp): Row[] {
  return eachDamage(name, "in the middle of the download", which, (damage) => ({
    arm: (life) => inTheMiddle(life, () => damaged(life, path(life), damage)),
  }));
}

function whileInstalling(name: string, path: (life: Life) => string, which: RegExp): Row[] {
  return eachDamage(name, "while the sub-updater works", which, (damage) => ({
    arm: (life) => life.subUpdater.behave("does nothing"),
    during: async (life) => {
      await handedOver(life);
      await damaged(life, path(life), damage);
      await life.run("report", "--success");
      // The sub-updater removes the lock, whatever the client understood of it.
      rmSync(life.rig.paths.lock, { force: true });
    },
  }));
}

function whileHeld(name: string, path: (life: Life) => string, which: RegExp): Row[] {
  return eachDamage(name, "while update control holds the deployment", which, (damage) => ({
    arm: async (life) => void await takesEffect(life, "set", "--once", "--install", "pause"),
    during: async (life) => {
      const { record } = life.rig.paths;
      await waitUntil("the hold", () => life.rig.read(record).includes('"held"'), ROW_LIMIT_MS);
      await damaged(life, path(life), damage);
      await takesEffect(life, "clear");
    },
  }));
}

/** The commands wait for the daemon on a fast clock; on a busy machine they give up before it answers. */
function takesEffect(life: Life, ...flow: readonly string[]): Promise<unknown> {
  const isDone = async (): Promise<boolean> => await life.run("flow", ...flow) === 0;
  return waitUntil(`flow ${flow[0]}`, isDone, ROW_LIMIT_MS);
}

/** The server is out of reach while the sub-updater reports, so that what it said is on the disk alone. */
function whileUndelivered(name: string, path: (life: Life) => string, which: RegExp): Row[] {
  return eachDamage(name, "before the server has heard of the outcome", which, (damage) => ({
    arm: (life) => life.subUpdater.behave("does nothing"),
    during: async (life) => {
      await handedOver(life);
      await life.stopDaemon();
      life.on("status", 100, (exchange) => exchange.reset());
      await life.run("report", "--success");
      life.server.setInterceptor(undefined);
      const file = path(life);
      writeFileSync(file, damage(new Uint8Array(readFileSync(file))));
      life.startDaemon();
      // What it said may be lost: the sub-updater's next boot says it again, and removes the lock.
      await life.run("report", "--success");
      rmSync(life.rig.paths.lock, { force: true });
    },
  }));
}

/** A new key would make another device of it: an operator has to bring the old one back. */
function untilRestored(which: RegExp): Row[] {
  return eachDamage("the device key", "until it is restored", which, (damage) => ({
    end: "success",
    arm: (life) => life.subUpdater.behave("does nothing"),
    during: async (life) => {
      const { key, lock } = life.rig.paths;
      await handedOver(life);
      const good = readFileSync(key);
      await damaged(life, key, damage);
      await life.run("report", "--success");
      rmSync(lock, { force: true });
      await waitUntil("the complaint", () => life.log.some(isAboutKey), ROW_LIMIT_MS);
      writeFileSync(key, good);
    },
  }));
}

/** It cannot be used; when nothing of it is left, a new one is made, which the server does not let in. */
function isAboutKey({ code, message }: LogLine): boolean {
  return code === "key.damaged" || /^The key .* cannot be used/.test(String(message));
}

/** All that a first start would make is gone; key and device type are brought back. */
function removeData(life: Life): void {
  const { dataDirectory, key, deviceType } = life.rig.paths;
  const kept = [key, deviceType].map((path) => [path, readFileSync(path)] as const);
  rmSync(dataDirectory, { recursive: true });
  mkdirSync(dataDirectory, { mode: 0o700 });
  for (const [path, content] of kept) writeFileSync(path, content, { mode: 0o600 });
}

const REMOVED: Row = {
  fault: "the data directory is emptied in the middle of the download",
  end: "reported",
  arm: (life) => inTheMiddle(life, () => removeData(life)),
  // Its control socket is gone too, until it starts again.
  repair: async (life) => {
    await life.stopDaemon();
    life.startDaemon();
  },
};

/** The one file of the data directory whose name fits. */
function found(life: Life, name: RegExp): string {
  const { dataDirectory } = life.rig.paths;
  const own = readdirSync(dataDirectory).find((each) => name.test(each));
  if (own === undefined) throw new Error(`nothing is called ${name}`);
  return join(dataDirectory, own);
}

function removeAside(life: Life): void {
  for (const name of life.dataFiles().filter((each) => each.includes(".corrupt-"))) {
    rmSync(join(life.rig.paths.dataDirectory, name), { force: true });
  }
}

/** Files that are not as they were left. */
export const FILES: Group = {
  title: "Durable files",
  // A map lives for two polls otherwise, which is nothing to a busy machine with a fast clock.
  config: { HandoffRunner: "fork", UpdateControlMapExpirationTimeSeconds: 36_000 },
  rows: [
    ...whileDownloading("the record", ({ rig }) => rig.paths.record, /./),
    ...whileDownloading("the part file", ({ rig }) => rig.paths.partFile, /bit|end|empty|zeros/),
    ...whileInstalling("the record", ({ rig }) => rig.paths.record, /./),
    ...whileInstalling("the lock", ({ rig }) => rig.paths.lock, /bit|empty|zeros/),
    ...untilRestored(/bit|end|empty|zeros/),
    ...whileInstalling("the Artifact", ({ rig }) => rig.paths.artifactFile, /bit|end|empty/),
    ...whileInstalling("the start marker", (life) => found(life, /\.started$/), /bit|empty|zeros/),
    REMOVED,
    ...whileHeld("the Artifact", ({ rig }) => rig.paths.artifactFile, /bit|end|empty|zeros/),
    ...whileHeld("the map file", ({ rig }) => rig.paths.controlMaps, /bit|end|empty|zeros/),
    ...whileUndelivered("the outcome", (life) => found(life, /^outcome\./), /bit|end|empty|zeros/),
    ...whileUndelivered("the record", ({ rig }) => rig.paths.record, /bit|end|empty|zeros/),
  ],
};
