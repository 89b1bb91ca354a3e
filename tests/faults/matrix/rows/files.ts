/** Durable files that are not as they were left, at the points of a deployment at which they count. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../../support/wait.ts";
import type { LogLine } from "../device_program.ts";
import { type Life, ROW_LIMIT_MS } from "../life.ts";
import type { Group, Row } from "../row.ts";
import { damaged, damageFile, eachDamage, UNVERSIONED } from "./damage.ts";
import { EMPTIED } from "./directory.ts";
import { whileHeld } from "./held.ts";
import { inTheMiddle } from "./in_the_middle.ts";
import { handedOver } from "./server_side.ts";

type PathOf = (life: Life) => string;

function beforehand(name: string, path: PathOf, which: RegExp): Row[] {
  return eachDamage(name, "before the deployment", which, (damage) => ({
    arm: (life) => damaged(life, path(life), damage),
  }));
}

function downloading(name: string, path: PathOf, which: RegExp): Row[] {
  return eachDamage(name, "in the middle of the download", which, (damage) => ({
    arm: (life) => inTheMiddle(life, () => damaged(life, path(life), damage)),
  }));
}

function held(name: string, path: PathOf, which: RegExp, more: Partial<Row> = {}): Row[] {
  return eachDamage(name, "while update control holds the deployment", which, (damage) => ({
    ...whileHeld((life) => damaged(life, path(life), damage)),
    ...more,
  }));
}

function installing(name: string, path: PathOf, which: RegExp, more: Partial<Row> = {}): Row[] {
  return eachDamage(name, "while the sub-updater works", which, (damage) => ({
    ...more,
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

/** To the client it looks as if the sub-updater had ended; it is not heard of any more. */
const LOCK_GONE: readonly Row[] = eachDamage(
  "the lock",
  "while the sub-updater works",
  /gone/,
  (damage) => ({
    end: "failure",
    arm: (life) => life.subUpdater.behave("does nothing"),
    during: async (life) => {
      await handedOver(life);
      await damaged(life, life.rig.paths.lock, damage);
    },
  }),
);

/** The server is out of reach while the sub-updater reports, so that what it said is on the disk alone. */
function undelivered(name: string, path: PathOf, which: RegExp): Row[] {
  return eachDamage(name, "before the server has heard of the outcome", which, (damage) => ({
    arm: (life) => life.subUpdater.behave("does nothing"),
    during: async (life) => {
      await handedOver(life);
      await life.stopDaemon();
      life.on("status", 100, (exchange) => exchange.reset());
      await life.run("report", "--success");
      life.server.setInterceptor(undefined);
      damageFile(life, path(life), damage);
      life.startDaemon();
      // What it said may be lost: the sub-updater's next boot says it again, and removes the lock.
      await life.run("report", "--success");
      rmSync(life.rig.paths.lock, { force: true });
    },
  }));
}

/** The server takes the failure, but not its log, which waits on the disk. */
function logUndelivered(name: string, path: PathOf, which: RegExp): Row[] {
  return eachDamage(name, "before the server has taken the log", which, (damage) => ({
    end: "failure",
    arm(life) {
      life.subUpdater.behave("reports failure");
      life.on("log", 100, (exchange) => exchange.reply(503));
    },
    during: async (life) => {
      await waitUntil("the log", () => life.strikes > 0, ROW_LIMIT_MS);
      await damaged(life, path(life), damage);
      life.server.setInterceptor(undefined);
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

/** The server knows the device by it: it is not guessed anew, but brought back. */
const FORM: readonly Row[] = eachDamage(
  "the form of the identity",
  "until it is restored",
  /bit|end|empty|zeros/,
  (damage) => ({
    end: "success",
    arm: async (life) => {
      const path = join(life.rig.paths.dataDirectory, "identity_format");
      const good = readFileSync(path);
      await damaged(life, path, damage);
      const isToldSo = ({ code }: LogLine): boolean => code === "identity.form-unreadable";
      await waitUntil("the complaint", () => life.log.some(isToldSo), ROW_LIMIT_MS);
      writeFileSync(path, good);
    },
  }),
);

/** It cannot be used; when nothing of it is left, a new one is made, which the server does not let in. */
function isAboutKey({ code, message }: LogLine): boolean {
  return code === "key.damaged" ||
    /^The key .* cannot be used|new device key/.test(String(message));
}

/** The one file of the data directory whose name fits. */
function found(life: Life, name: RegExp): string {
  const { dataDirectory } = life.rig.paths;
  const own = readdirSync(dataDirectory).find((each) => name.test(each));
  if (own === undefined) throw new Error(`nothing is called ${name}`);
  return join(dataDirectory, own);
}

const recordOf: PathOf = ({ rig }) => rig.paths.record;
const artifactOf: PathOf = ({ rig }) => rig.paths.artifactFile;
const lockOf: PathOf = ({ rig }) => rig.paths.lock;
const called = (name: RegExp): PathOf => (life) => found(life, name);

/** Files that are not as they were left. */
export const FILES: Group = {
  title: "Durable files",
  // A map lives for two polls otherwise, which is nothing to a busy machine with a fast clock.
  config: { HandoffRunner: "fork", UpdateControlMapExpirationTimeSeconds: 36_000 },
  rows: [
    ...beforehand("the fingerprint of the identity", called(/^identity_fingerprint$/), UNVERSIONED),
    ...FORM,
    ...downloading("the record", recordOf, /./),
    ...downloading("the part file", ({ rig }) => rig.paths.partFile, UNVERSIONED),
    ...downloading("the log of the deployment", called(/^deployments\.0001/), UNVERSIONED),
    ...installing("the record", recordOf, /./),
    ...installing("the lock", lockOf, /bit|empty|zeros/),
    // Half of an ID is an ID: another client's deployment.
    ...installing("the lock", lockOf, /end/, { tellsAgain: true }),
    ...LOCK_GONE,
    ...untilRestored(UNVERSIONED),
    ...installing("the Artifact", artifactOf, UNVERSIONED),
    ...installing("the start marker", called(/\.started$/), UNVERSIONED),
    EMPTIED,
    ...held("the record", recordOf, /./, { tellsAgain: true }),
    ...held("the Artifact", artifactOf, UNVERSIONED),
    ...held("the map file", ({ rig }) => rig.paths.controlMaps, UNVERSIONED),
    ...undelivered("the outcome", called(/^outcome\./), UNVERSIONED),
    ...undelivered("the record", recordOf, /./),
    ...beforehand("the record of the last deployment", recordOf, /./),
    ...logUndelivered("the log to be uploaded", called(/^log-upload\./), UNVERSIONED),
  ],
};
