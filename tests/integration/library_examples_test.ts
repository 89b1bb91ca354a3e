import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { giveKey, publish, withLibraryDevice } from "../support/library_client.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const { self } = await hostDrivers();

interface RunningExample {
  output(): string;
  terminate(): void;
  /** What it has written once it has ended by itself, without an error. */
  readonly ended: Promise<string>;
}

/** Starts an example, as its first lines say. */
function start(example: URL, ...args: string[]): RunningExample {
  const [program = "", ...first] = self.selfCommand(example, ["-A", "--no-check"]);
  const child = spawn(program, [...first, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => output += String(chunk));
  }
  const ended = new Promise<string>((resolve, reject) => {
    child.on("close", (code) => code === 0 ? resolve(output) : reject(new Error(output)));
  });
  ended.catch(() => {}); // looked at by the test
  return { output: () => output, terminate: () => process.kill(child.pid!, "SIGTERM"), ended };
}

const example = {
  runClient: new URL("../../scripts/examples/run_client.ts", import.meta.url),
  followEvents: new URL("../../scripts/examples/follow_events.ts", import.meta.url),
  showArtifact: new URL("../../scripts/examples/show_artifact.ts", import.meta.url),
  twoClients: new URL("../../scripts/examples/two_clients.ts", import.meta.url),
  simulatedDevices: new URL("../../scripts/examples/simulated_devices.ts", import.meta.url),
};

test("examples: run_client installs, and follow_events tells how it goes", () =>
  withLibraryDevice(async ({ server, rig }) => {
    assert.equal(await start(example.followEvents, rig.root).ended, "no client runs\n");
    const client = start(example.runClient, rig.root);
    await waitUntil("the client", () => existsSync(rig.paths.controlSocket), 60_000);
    const follower = start(example.followEvents, rig.root);
    await waitUntil("the status", () => follower.output().includes("let in"), 60_000);
    const id = await publish(server);
    const told = await follower.ended;
    assert.match(told, /^(not )?let in\nreceived\ndownloading\n(.+\n)*ended: success\n$/);
    await waitUntil("the report", () => server.deployment(id).devices[0]?.status === "success");
    client.terminate();
    assert.equal(
      await client.ended,
      "installing release-2\nsuccess: release-2 is installed\n",
    );
    assert.match(rig.read(rig.paths.artifactInfo), /^artifact_name=release-2$/m);
  }));

test("examples: show_artifact shows an Artifact, and refuses half of it", () =>
  inTemporaryDirectory((directory) =>
    withRig({ serverUrl: "http://127.0.0.1:1" }, async (rig) => {
      const path = join(directory, "release.mender");
      const artifact = rigArtifact("release-2", 5000);
      rig.write(path, artifact);
      assert.equal(
        await start(example.showArtifact, path).ended,
        "release-2 for acme-box\n  payload.bin: 5000 bytes\n",
      );
      rig.write(path, artifact.subarray(0, artifact.length / 2));
      assert.match(await start(example.showArtifact, path).ended, /^artifact\.[a-z-]+: /);
    })
  ));

test("examples: two_clients serves two devices", () =>
  withLibraryDevice(({ server, rig }) =>
    withRig({ serverUrl: server.url, identity: "echo mac=02:11:22:33:44:66" }, async (other) => {
      giveKey(other);
      const running = start(example.twoClients, rig.root, other.root);
      await publish(server, 2);
      const lines = (await running.ended).split("\n").sort();
      assert.deepEqual(lines, ["", "both are done", "device 1: release-2", "device 2: release-2"]);
    })
  ));

test("examples: simulated_devices polls with as many devices as it is told", () =>
  withServer({ autoAccept: true }, async (server) => {
    const said = await start(example.simulatedDevices, server.url, "5").ended;
    assert.equal(said, "5 devices were answered 15 times\n");
    assert.equal(server.devices().length, 5);
  }));
