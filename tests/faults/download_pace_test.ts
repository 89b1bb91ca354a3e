import assert from "node:assert/strict";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { artifactRequests, isArtifactRequest } from "../support/device_rig.ts";
import {
  assertEnd,
  cutInTheMiddle,
  MIDDLE,
  never,
  overHttpAndHttps,
  publish,
  sendPart,
  SIZE,
} from "../support/download_faults.ts";

overHttpAndHttps(
  "DownloadRateBytesPerSecond holds the mean rate, and is no stall",
  // 40 s of the client's clock, more than the limit of silence.
  { config: { DownloadRateBytesPerSecond: Math.floor(SIZE / 40) } },
  async (server, open) => {
    const rigged = await open();
    const id = await publish(server, rigged);
    const start = performance.now();
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    // The last chunk is not waited for: half of the time is certain.
    assert.ok((performance.now() - start) * 40 > 20_000);
    assert.deepEqual(artifactRequests(server), ["whole"]);
    await assertEnd(server, id, rigged, "handed-over");
  },
);

overHttpAndHttps(
  "the log counts the bytes of a deployment, those fetched again included",
  {},
  async (server, open) => {
    const rigged = await open();
    const id = await publish(server, rigged);
    let requests = 0;
    server.setInterceptor(async (exchange) => {
      if (!isArtifactRequest(exchange)) return false;
      // The second answer begins 1000 bytes too early.
      await (++requests === 1 ? cutInTheMiddle(exchange) : sendPart(exchange, MIDDLE - 1000));
      return true;
    });
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    const counted = new RegExp(
      `Downloaded ${SIZE + 1000} bytes of ${SIZE} .*requests=2 received_bytes=${
        SIZE + 1000
      } size_bytes=${SIZE}`,
    );
    assert.match(rigged.log(), counted);
    await assertEnd(server, id, rigged, "handed-over");
  },
);

overHttpAndHttps(
  "events tell each phase, and bytes that only grow up to the size",
  {},
  async (server, open) => {
    const rigged = await open();
    const id = await publish(server, rigged);
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    const { events } = rigged;
    assert.ok(events.every(({ deploymentId }) => deploymentId === id));
    assert.deepEqual(
      events.flatMap((event) => event.type === "phase" ? [event.phase] : []),
      ["received", "downloading", "downloaded", "verified", "handing_over", "handed_over"],
    );
    const types = events.map((event) => event.type === "phase" ? event.phase : event.type);
    assert.ok(types.indexOf("progress") > types.indexOf("downloading"));
    assert.ok(types.lastIndexOf("progress") < types.indexOf("downloaded"));
    const progress = events.flatMap((event) => event.type === "progress" ? [event] : []);
    const stored = progress.map(({ receivedBytes }) => receivedBytes);
    assert.deepEqual(stored, [...stored].sort((a, b) => a - b));
    assert.deepEqual([stored[0], stored.at(-1)], [0, SIZE]);
    assert.ok(progress.every(({ totalBytes }) => totalBytes === SIZE));
    await assertEnd(server, id, rigged, "handed-over");
  },
);

const calls: string[] = [];

/** Drivers that note how the part file and the Artifact are opened and read. */
function watched(drivers: Drivers): Drivers {
  const { files } = drivers;
  return {
    ...drivers,
    files: {
      ...files,
      open(path, mode, options) {
        const handle = files.open(path, mode, options);
        const name = /artifact\.mender(\.part)?$/.exec(path)?.[0];
        if (name === undefined) return handle;
        calls.push(`open ${name}`);
        return {
          read(buffer, position) {
            calls.push(`read ${name}`);
            return handle.read(buffer, position);
          },
          write: (buffer, position) => handle.write(buffer, position),
          truncate: (size) => handle.truncate(size),
          stat: () => handle.stat(),
          changeMode: (mode) => handle.changeMode(mode),
          changeOwner: (uid, gid) => handle.changeOwner(uid, gid),
          syncInBackground: () => handle.syncInBackground(),
          sync() {
            calls.push(`sync ${name}`);
            handle.sync();
          },
          close: () => handle.close(),
        };
      },
    },
  };
}

overHttpAndHttps(
  "each byte is stored and checked in one pass: nothing is read back",
  { drivers: watched },
  async (server, open) => {
    calls.length = 0;
    const rigged = await open();
    const id = await publish(server, rigged);
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    assert.deepEqual(calls, ["open artifact.mender.part", "sync artifact.mender.part"]);
    await assertEnd(server, id, rigged, "handed-over");
  },
);
