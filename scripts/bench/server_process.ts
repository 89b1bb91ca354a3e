/**
 * The embedded server with one made-up Artifact, in a process of its own, so that neither its memory nor
 * its CPU time counts for the client that is measured.
 *
 * Arguments: a directory, and the path of an Artifact or the size of a payload to make up, in bytes. Each
 * line on standard input makes a
 * deployment for the newest device. What happens is told on standard output, one JSON object a line.
 */
import { createReadStream } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { artifactChunks, startServer } from "../../lib/testing/mod.ts";
import { RIG_DEVICE_TYPE } from "../../tests/support/client_rig.ts";
import { BENCH_ARTIFACT, type ServerEvent } from "./artifact_server.ts";

const [dir = "", source = ""] = process.argv.slice(2);
const tell = (event: ServerEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const server = await startServer({
  drivers: await hostDrivers(),
  dir,
  autoAccept: true,
  intercept: ({ method, target }) => {
    tell({ event: "request", at: Date.now(), method, target });
    return false;
  },
});
const madeUp = (sizeBytes: number): Iterable<Uint8Array> =>
  artifactChunks({
    name: BENCH_ARTIFACT,
    deviceTypes: [RIG_DEVICE_TYPE],
    payloadType: "acme",
    files: [{ name: "payload.bin", content: { sizeBytes, seed: 3 } }],
    compression: "none",
  });
const artifact = await server.uploadArtifact(
  /^\d+$/.test(source) ? madeUp(Number(source)) : createReadStream(source),
);
tell({ event: "ready", url: server.url, sizeBytes: artifact.sizeBytes });

for await (const _ of createInterface(process.stdin)) {
  const device = server.devices().at(-1);
  server.createDeployment({ artifactName: BENCH_ARTIFACT, devices: device ? [device.id] : "all" });
}
await server.close();
