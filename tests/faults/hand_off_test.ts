import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import type { FileDriver } from "../../lib/runtime/files/file_driver.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { writeArtifact } from "../../lib/testing/artifact_writer.ts";
import { type ClientRig, rigArtifact } from "../support/client_rig.ts";
import { type DeviceRig, isArtifactRequest, withDeviceRoot } from "../support/device_rig.ts";
import { test as registerTest } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

// The sub-updater is let go of on purpose, so that it outlives its client.
const test = (name: string, body: () => Promise<void>): void =>
  registerTest(name, body, { leaks: "the sub-updater outlives its client" });

const never = new AbortController().signal;

async function publish(server: MenderServer, { device }: DeviceRig): Promise<string> {
  await server.uploadArtifact(rigArtifact("release-2"));
  await device.authenticate();
  await device.sendInventory();
  return server.createDeployment({ artifactName: "release-2" });
}

function statuses(server: MenderServer, id: string): string[] {
  return server.deployment(id).devices[0]!.history.map(({ status }) => status);
}

/** Files that note what is done to them, in order, in a few words each. */
function recordingFiles(files: FileDriver, notes: string[]): FileDriver {
  const nameOf = (path: string): string => basename(path).replace(/^\.(.*)\.new$/, "$1");
  return {
    ...files,
    open(path, mode, options) {
      const handle = files.open(path, mode, options);
      const name = nameOf(path);
      let written = "";
      return {
        read: (buffer, position) => handle.read(buffer, position),
        write(buffer, position) {
          if (name === "deployment.json") written += new TextDecoder().decode(buffer);
          handle.write(buffer, position);
        },
        truncate: (size) => handle.truncate(size),
        stat: () => handle.stat(),
        changeMode: (mode) => handle.changeMode(mode),
        changeOwner: (uid, gid) => handle.changeOwner(uid, gid),
        syncInBackground: () => handle.syncInBackground(),
        sync() {
          handle.sync();
          const phase = /"phase": "(\w+)"/.exec(written)?.[1];
          notes.push(phase === undefined ? `sync ${name}` : `sync record ${phase}`);
        },
        close: () => handle.close(),
      };
    },
    rename(from, to) {
      files.rename(from, to);
      notes.push(`rename ${basename(to)}`);
    },
    syncDirectory(path) {
      files.syncDirectory(path);
      notes.push("sync directory");
    },
  };
}

test("hand-off: each step is durable before the effect that it announces", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    const notes: string[] = [];
    const drivers = (host: Drivers): Drivers => ({
      ...host,
      files: recordingFiles(host.files, notes),
      processes: {
        ...host.processes,
        startDetached(options) {
          notes.push("start");
          return host.processes.startDetached(options);
        },
      },
    });
    await withDeviceRoot(server, { drivers }, async (open) => {
      const rigged = await open();
      await publish(server, rigged);
      notes.length = 0;
      assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
      const durable = (name: string): string[] => [
        `sync ${name}`,
        `rename ${name === "update.lock" ? name : "deployment.json"}`,
        "sync directory",
      ];
      assert.deepEqual(notes, [
        ...durable("record received"),
        ...durable("record downloading"),
        ...durable("record downloading"), // what the server says of the file
        "sync artifact.mender.part",
        "sync directory",
        ...durable("record downloaded"),
        "rename artifact.mender",
        "sync directory",
        ...durable("record verified"),
        ...durable("record verified"), // update control has let it pass
        ...durable("record handing_over"),
        ...durable("update.lock"),
        "start",
        ...durable("record handed_over"),
      ]);
    });
  });
});

for (
  const [name, other, message] of [
    ["device type", { name: "release-2", deviceTypes: ["another-box"] }, /another-box|device type/],
    ["name", { name: "release-3", deviceTypes: ["acme-box"] }, /release-3/],
  ] as const
) {
  test(`hand-off: an Artifact with another ${name} is refused at once, and reported`, async () => {
    await withServer({ autoAccept: true }, async (server) => {
      await withDeviceRoot(server, {}, async (open) => {
        const rigged = await open();
        const id = await publish(server, rigged);
        let requests = 0;
        const artifact = writeArtifact({
          ...other,
          payloadType: "acme",
          files: [{ name: "a", content: { sizeBytes: 100_000, seed: 1 } }],
          compression: "none",
        });
        server.setInterceptor(async (exchange) => {
          if (!isArtifactRequest(exchange)) return false;
          requests++;
          await exchange.reply(200, {}, artifact);
          return true;
        });
        assert.equal(await rigged.device.checkUpdate(never), "failed");
        assert.match(rigged.log(), message);
        assert.equal(requests, 1);
        assert.deepEqual(statuses(server, id), ["downloading", "failure"]);
        assert.deepEqual(rigged.rig.installed(), []);
      });
    });
  });
}

for (const status of ["downloading", "installing"]) {
  for (const answer of [409, 404]) {
    test(`hand-off: ${answer} to "${status}" ends the deployment without a start`, async () => {
      await withServer({ autoAccept: true }, async (server) => {
        await withDeviceRoot(server, {}, async (open) => {
          const rigged = await open();
          await publish(server, rigged);
          let bodies = 0;
          server.setInterceptor(async (exchange) => {
            if (!exchange.target.endsWith("/status")) return false;
            const isIt = ++bodies === (status === "downloading" ? 1 : 2);
            if (isIt) await exchange.reply(answer);
            return isIt;
          });
          assert.equal(await rigged.device.checkUpdate(never), "gone", rigged.log());
          assert.equal(bodies, status === "downloading" ? 1 : 2);
          assert.equal(rigged.rig.record().phase, "aborted");
          assert.ok(!existsSync(rigged.rig.paths.artifactFile));
          assert.ok(!existsSync(rigged.rig.paths.lock));
          assert.deepEqual(rigged.rig.installed(), []);
        });
      });
    });
  }
}

const starts: [
  name: string,
  startDetached: (drivers: Drivers) => Drivers["processes"]["startDetached"],
][] = [
  ["cannot be started", () => () => {
    throw Object.assign(new Error("fork: EAGAIN"), { code: "EAGAIN" });
  }],
  [
    "ends before its marker",
    ({ processes }) => () => processes.startDetached({ command: "/bin/false", args: [] }),
  ],
];

for (const [name, startDetached] of starts) {
  test(`hand-off: a script that ${name} is a reported failure, and the lock is free`, async () => {
    await withServer({ autoAccept: true }, async (server) => {
      const drivers = (host: Drivers): Drivers => ({
        ...host,
        processes: { ...host.processes, startDetached: startDetached(host) },
      });
      await withDeviceRoot(server, { drivers }, async (open) => {
        const rigged = await open();
        const id = await publish(server, rigged);
        assert.equal(await rigged.device.checkUpdate(never), "failed", rigged.log());
        assert.deepEqual(statuses(server, id), ["downloading", "installing", "failure"]);
        assert.ok(!existsSync(rigged.rig.paths.lock));
        assert.deepEqual(rigged.rig.installed(), []);
      });
    });
  });
}

test("hand-off: not to know whether the script lives is no failure", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    let asked = 0;
    const drivers = (host: Drivers): Drivers => ({
      ...host,
      processes: {
        ...host.processes,
        // A slow machine: the script is held up before it can leave its marker.
        startDetached: ({ command, args }) =>
          host.processes.startDetached({
            command: "/bin/sh",
            args: ["-c", 'sleep 0.3; exec "$@"', "slow", command, ...args],
          }),
        identify: () => Promise.reject(new Error(`fork: EAGAIN, ${++asked} times`)),
      },
    });
    await withDeviceRoot(server, { drivers }, async (open) => {
      const rigged = await open();
      await publish(server, rigged);
      assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
      assert.ok(asked > 0);
      await waitUntil("the sub-updater", () => rigged.rig.installed().length);
    });
  });
});

test("hand-off: a deployment whose sub-updater was started before is never started again", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const rigged = await open();
      const id = await publish(server, rigged);
      const { dataDirectory } = rigged.rig.paths;
      writeFileSync(join(dataDirectory, `sub-updater.${id}.started`), "garbled");
      writeFileSync(join(dataDirectory, "sub-updater.0bad.started"), "of an older one");
      assert.equal(await rigged.device.checkUpdate(never), "failed");
      assert.match(rigged.log(), /was started for this deployment before/);
      assert.deepEqual(rigged.rig.installed(), []);
      assert.ok(!existsSync(join(dataDirectory, "sub-updater.0bad.started")));
    });
  });
});

test("hand-off: a report that is quicker than our own record stands", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    let rig: ClientRig | undefined;
    const isMarker = (path: string): boolean => path.endsWith(".started");
    const drivers = (host: Drivers): Drivers => ({
      ...host,
      files: {
        ...host.files,
        open(path, mode, options) {
          const handle = host.files.open(path, mode, options);
          if (!isMarker(path)) return handle;
          // The daemon has just found the marker; before it can write, the report is recorded.
          const { dataDirectory } = rig!.paths;
          const { id } = JSON.parse(readFileSync(join(dataDirectory, "deployment.json"), "utf8"));
          writeFileSync(
            join(dataDirectory, `outcome.${id}.json`),
            JSON.stringify({ status: "success" }),
          );
          return handle;
        },
      },
    });
    await withDeviceRoot(server, { drivers }, async (open) => {
      const rigged = await open();
      rig = rigged.rig;
      const id = await publish(server, rigged);
      assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
      while (await rigged.device.settle(never) === "again");
      const record = rigged.rig.record();
      assert.equal(record.phase, "acknowledged");
      assert.deepEqual(record.outcome, { status: "success" });
      assert.ok(record.handoff.pid > 0);
      assert.deepEqual(statuses(server, id), ["downloading", "installing", "success"]);
    });
  });
});

test("hand-off: a sub-updater without its interpreter is a reported failure", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const rigged = await open();
      rigged.rig.write(rigged.rig.paths.installScript, "#!/no/such/interpreter\n", 0o755);
      const id = await publish(server, rigged);
      assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
      const { dataDirectory, lock } = rigged.rig.paths;
      await waitUntil(
        "the word of the shell",
        () => existsSync(join(dataDirectory, `sub-updater.${id}.started.failed`)),
      );
      while (await rigged.device.settle(never) === "again");
      assert.equal(server.deployment(id).devices[0]!.status, "failure");
      assert.ok(!existsSync(lock));
      assert.equal(await rigged.device.checkUpdate(never), "nothing");
    });
  });
});

test("hand-off: nothing is begun while another client's lock stands", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const rigged = await open();
      await publish(server, rigged);
      rigged.rig.write(rigged.rig.paths.lock, "0f0f0f0f-1111");
      assert.equal(await rigged.device.checkUpdate(never), "waiting");
      assert.equal(rigged.rig.record(), undefined);
      rigged.rig.write(rigged.rig.paths.lock, "");
      assert.equal(await rigged.device.checkUpdate(never), "waiting");
      assert.equal(await rigged.device.settle(never), "waiting");
      assert.equal(await rigged.device.settle(never), "waiting");
      assert.equal(rigged.log().match(/No deployment can be begun/g)?.length, 1);
    });
  });
});

test("hand-off: a device that is not let in any more keeps what it has stored, and starts nothing", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const rigged = await open();
      const id = await publish(server, rigged);
      server.setInterceptor((exchange) => {
        if (isArtifactRequest(exchange)) server.rejectDevice(server.devices()[0]!.id);
        return false;
      });
      await assert.rejects(rigged.device.checkUpdate(never), { code: "auth.unauthorized" });
      assert.equal(rigged.rig.record().phase, "verified");
      assert.deepEqual(rigged.rig.installed(), []);
      server.setInterceptor(undefined);
      server.acceptDevice(server.devices()[0]!.id);
      assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
      assert.equal(
        server.journal.entries.filter(({ path }) => path.startsWith("/storage/")).length,
        1,
      );
      assert.equal(rigged.rig.read(rigged.rig.paths.lock), id);
    });
  });
});
