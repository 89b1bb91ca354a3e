import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import type { FileDriver } from "../../../lib/runtime/files/file_driver.ts";
import type { ClientRig } from "../../support/client_rig.ts";
import type { BadInput, BadInputChapter } from "./bad_input.ts";
import { inRealTime, LOCKED_ID } from "./play.ts";

const ID = LOCKED_ID;

/** A file elsewhere that nobody may change. */
function victim(rig: ClientRig): string {
  const path = `${rig.root}/victim`;
  rig.write(path, "precious");
  return path;
}

function untouched(rig: ClientRig): void {
  assert.equal(rig.read(`${rig.root}/victim`), "precious");
}

function setAside(rig: ClientRig, name: string): void {
  assert.ok(readdirSync(rig.paths.dataDirectory).includes(`${name}.corrupt-1`), name);
}

export const deploymentState: BadInputChapter = {
  title: "The deployment in progress",
  about:
    "What cannot be understood is kept beside as `.corrupt-<n>`; a lock alone is enough to report.",
  inputs: [
    {
      input: "no deployment is in progress",
      arrange: (rig) => rmSync(rig.paths.lock, { force: true }),
      rows: [
        ["report --success", 1, /Cannot report an outcome: no deployment is in progress/],
        ["report --failure", 1, /no deployment is in progress/],
        ["report --status installing", 1, /no deployment is in progress/],
      ],
    },
    {
      input: "update.lock holds no ID",
      arrange: (rig) => rig.write(rig.paths.lock, "../../etc\n"),
      kept: (rig) => assert.equal(rig.read(rig.paths.lock), "../../etc\n"),
      rows: [
        ["report --success", 1, /Cannot find a deployment ID in .*update\.lock/],
        ["report --status installing", 1, /Cannot find a deployment ID/],
        ["daemon --once", 0, /No deployment can be begun: Cannot find a deployment ID/],
      ],
    },
    {
      input: "update.lock is empty",
      arrange: (rig) => rig.write(rig.paths.lock, ""),
      rows: [["report --success", 1, /Cannot find a deployment ID/]],
    },
    {
      input: "update.lock is a directory",
      arrange: (rig) => {
        rmSync(rig.paths.lock, { force: true });
        mkdirSync(rig.paths.lock);
      },
      rows: [
        ["report --success", 1, /Cannot read the lock .*: it is a directory/],
        ["daemon --once", 0, /No deployment can be begun: .*: it is a directory/],
      ],
    },
    {
      input: "deployment.json is damaged",
      arrange: (rig) => rig.write(rig.paths.record, "{"),
      kept: (rig) => setAside(rig, "deployment.json"),
      rows: [
        ["report --success", 0, /The deployment record cannot be understood; it is kept as/],
        ["status", 1, /it is kept as/],
        ["daemon --once", 0, /it is kept as/],
      ],
    },
    {
      input: "deployment.json is of another form",
      arrange: (rig) => rig.write(rig.paths.record, '{"schema":1,"id":"../x"}'),
      kept: (rig) => setAside(rig, "deployment.json"),
      rows: [["report --success", 0, /it is kept as/], ["status", 1, /it is kept as/]],
    },
    {
      input: "deployment.json is a directory",
      arrange: (rig) => mkdirSync(rig.paths.record),
      rows: [
        ["report --success", 1, /Cannot read the deployment record .*: it is a directory/],
        ["status", 1, /it is a directory/],
        ["daemon --once", 1, /it is a directory/],
      ],
    },
    {
      input: "the recorded outcome is damaged",
      arrange: (rig) => rig.write(`${rig.paths.dataDirectory}/outcome.${ID}.json`, "{"),
      kept: (rig) => setAside(rig, `outcome.${ID}.json`),
      rows: [["report --success", 0, /The recorded outcome cannot be understood; it is kept as/]],
    },
    {
      input: "no daemon runs",
      rows: [
        ["check-update", 1, /Cannot ask the daemon: none listens/],
        ["send-inventory", 1, /none listens/],
        ["status", 1, undefined],
      ],
    },
    {
      input: "daemon.sock is a file",
      arrange: (rig) => rig.write(rig.paths.controlSocket, "x"),
      rows: [["check-update", 1, /Cannot ask the daemon: /], ["status", 1, undefined]],
    },
  ],
};

function replaceData(rig: ClientRig, make: (path: string) => void): void {
  rmSync(rig.paths.dataDirectory, { recursive: true });
  make(rig.paths.dataDirectory);
}

/** A data directory in which every change fails. */
function failing(errno: string): BadInput["drivers"] {
  const fail = (): never => {
    throw Object.assign(new Error(`${errno}: it failed`), { code: errno });
  };
  return (drivers, rig) => {
    const { files } = drivers;
    const isHere = (path: string): boolean => path.startsWith(rig.paths.dataDirectory);
    const broken: FileDriver = {
      ...files,
      open: (path, mode, options) =>
        isHere(path) && mode !== "read" ? fail() : files.open(path, mode, options),
      rename: (from, to) => isHere(to) ? fail() : files.rename(from, to),
    };
    return { ...drivers, files: broken };
  };
}

export const dataDirectory: BadInputChapter = {
  title: "The data directory",
  about: "No link that somebody has planted there is followed, and no file elsewhere is written.",
  inputs: [
    {
      input: "missing",
      arrange: (rig) => replaceData(rig, () => {}),
      kept: (rig) => assert.ok(existsSync(`${rig.root}/var/lib`)),
      rows: [
        ["check-update", 1, /none listens/],
        ["status", 1, undefined],
        ["flow set --once", 1, /Cannot make the ID of this device's maps/],
        ["report --success", 1, /no deployment is in progress/],
      ],
    },
    {
      input: "a file in its place",
      arrange: (rig) => replaceData(rig, (path) => rig.write(path, "")),
      rows: [
        ["bootstrap", 1, /it is no directory/],
        ["daemon --once", 1, /it is no directory/],
        ["report --success", 1, /it is no directory/],
        ["check-update", 1, /Cannot ask the daemon: /],
        ["flow set --once", 1, /no directory/],
      ],
    },
    {
      input: "a link that leads nowhere",
      arrange: (rig) => replaceData(rig, (path) => symlinkSync(`${rig.root}/nowhere`, path)),
      rows: [
        ["bootstrap", 1, /it is a link to a place that does not exist/],
        ["daemon --once", 1, /does not exist/],
        ["report --success", 1, /does not exist/],
      ],
    },
    {
      input: "read-only",
      drivers: failing("EROFS"),
      rows: [
        ["-F bootstrap", 1, /the file system is read-only/],
        ["report --success", 1, /the file system is read-only/],
        ["daemon --once", 1, /the file system is read-only/],
        ["flow set --once", 1, /the file system is read-only/],
      ],
    },
    {
      input: "full",
      drivers: failing("ENOSPC"),
      rows: [
        ["-F bootstrap", 1, /no space left on the device/],
        ["report --success", 1, /no space left on the device/],
        ["report --failure", 1, /no space left on the device/],
        ["daemon --once", 1, /no space left on the device/],
        ["flow set --once", 1, /no space left on the device/],
      ],
    },
    {
      input: "not this user's",
      drivers: failing("EACCES"),
      rows: [
        ["-F bootstrap", 1, /permission denied/],
        ["report --success", 1, /permission denied/],
        ["daemon --once", 1, /permission denied/],
        ["flow set --once", 1, /permission denied/],
      ],
    },
    {
      input: "writable by others",
      arrange: (rig) => chmodSync(rig.paths.dataDirectory, 0o777),
      rows: [
        ["bootstrap", 0, undefined],
        ["daemon --once", 0, undefined],
        ["report --success", 0, /has ended this deployment already/],
      ],
    },
    {
      input: "deployment.json is a planted link",
      arrange: (rig) => symlinkSync(victim(rig), rig.paths.record),
      kept: untouched,
      rows: [["report --success", 1, /it is a symbolic link/], [
        "status",
        1,
        /it is a symbolic link/,
      ]],
    },
    {
      input: "the outcome is a planted link",
      arrange: (rig) => symlinkSync(victim(rig), `${rig.paths.dataDirectory}/outcome.${ID}.json`),
      kept: untouched,
      rows: [["report --success", 1, /it is a symbolic link/]],
    },
    {
      input: "deployment.json is a planted hard link",
      arrange: (rig) => linkSync(victim(rig), rig.paths.record),
      kept: untouched,
      rows: [["report --success", 0, /it is kept as/]],
    },
    {
      input: "control_map_id is a directory",
      arrange: (rig) => mkdirSync(rig.paths.controlMapId),
      rows: [["flow set --once", 1, /it is a directory/], ["flow clear", 1, /it is a directory/]],
    },
    {
      input: "control_map_id is a planted link",
      arrange: (rig) => symlinkSync(victim(rig), rig.paths.controlMapId),
      kept: untouched,
      rows: [["flow set --once", 1, /it is a symbolic link/], [
        "flow clear",
        1,
        /it is a symbolic link/,
      ]],
    },
    {
      input: "control_map_id holds no UUID, and no bus is there",
      arrange: (rig) => rig.write(rig.paths.controlMapId, "x"),
      kept: (rig) => assert.match(rig.read(rig.paths.controlMapId), /^[0-9a-f-]{36}\n$/),
      env: { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/no/such/bus" },
      drivers: inRealTime,
      rows: [["flow set --once", 1, /nobody listens there/], [
        "flow clear",
        1,
        /nobody listens there/,
      ]],
    },
  ],
};
