import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { artifactRequests } from "../support/device_rig.ts";
import { assertEnd, MIDDLE, never, overHttpAndHttps, publish } from "../support/download_faults.ts";

/** Drivers whose disk has room for so many more bytes, and says it has `claimed`. */
function smallDisk(drivers: Drivers, claimed: () => number, roomBytes: number): Drivers {
  let left = roomBytes;
  const { files } = drivers;
  return {
    ...drivers,
    files: {
      ...files,
      freeBytes: claimed,
      open(path, mode, options) {
        const handle = files.open(path, mode, options);
        if (!path.endsWith(".part")) return handle;
        return {
          read: (buffer, position) => handle.read(buffer, position),
          write(buffer, position) {
            left -= buffer.length;
            if (left < 0) {
              throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
            }
            handle.write(buffer, position);
          },
          truncate: (size) => handle.truncate(size),
          stat: () => handle.stat(),
          changeMode: (mode) => handle.changeMode(mode),
          changeOwner: (uid, gid) => handle.changeOwner(uid, gid),
          syncInBackground: () => handle.syncInBackground(),
          sync: () => handle.sync(),
          close: () => handle.close(),
        };
      },
    },
  };
}

const disks: [name: string, claimed: number, room: number, message: RegExp][] = [
  [
    "a disk that is too small",
    100_000,
    0,
    /it needs \d+ bytes more, 100000 are free, and 1048576 must stay free/,
  ],
  [
    "a disk that is full in the middle",
    1e12,
    MIDDLE,
    /of which \d+ bytes were stored.*no space/,
  ],
];
for (const [name, claimed, room, message] of disks) {
  overHttpAndHttps(
    `${name} is reported with numbers, and nothing stays behind`,
    { drivers: (host) => smallDisk(host, () => claimed, room) },
    async (server, open) => {
      const rigged = await open();
      const id = await publish(server, rigged);
      assert.equal(await rigged.device.checkUpdate(never), "failed", rigged.log());
      assert.match(rigged.log(), message);
      assert.deepEqual(artifactRequests(server), ["whole"]);
      const deviceId = server.devices()[0]!.id;
      const uploaded = server.deploymentLog(id, deviceId)!.map((line) => line.message).join("\n");
      assert.match(uploaded, message);
      await assertEnd(server, id, rigged, "failed");
    },
  );
}

let oldArtifact = "";

overHttpAndHttps(
  "the old Artifact makes room before space is looked for",
  { drivers: (host) => smallDisk(host, () => existsSync(oldArtifact) ? 0 : 1e12, 1e12) },
  async (server, open) => {
    const rigged = await open();
    oldArtifact = rigged.rig.paths.artifactFile;
    rigged.rig.write(oldArtifact, "the last one", 0o600);
    const id = await publish(server, rigged);
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    await assertEnd(server, id, rigged, "handed-over");
  },
);

overHttpAndHttps(
  "the old Artifact stays while a lock says that somebody installs it",
  {},
  async (server, open) => {
    const rigged = await open();
    const { rig, device } = rigged;
    rig.write(rig.paths.artifactFile, "the last one", 0o600);
    rig.write(rig.paths.lock, "0f0f0f0f-1111-4222-8333-444444444444");
    await publish(server, rigged);
    assert.equal(await device.checkUpdate(never), "waiting", rigged.log());
    assert.equal(rig.read(rig.paths.artifactFile), "the last one");
    assert.deepEqual(artifactRequests(server), []);
    assert.deepEqual(rig.installed(), []);
  },
);
