import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import type { HttpExchange, MenderServer } from "../../lib/testing/mod.ts";
import { rigArtifact } from "./client_rig.ts";
import {
  type DeviceRig,
  type DeviceRigOptions,
  isArtifactRequest,
  withDeviceRoot,
} from "./device_rig.ts";
import { test } from "./test.ts";
import { waitUntil } from "./wait.ts";
import { withServer } from "./with_server.ts";

/** Large enough for several chunks, small enough for many rows. */
export const ARTIFACT = rigArtifact("release-2", 400_000);
/** Size of {@link ARTIFACT} in bytes. */
export const SIZE = ARTIFACT.length;
/** Where a download is cut. */
export const MIDDLE = Math.floor(SIZE / 2);
/** What a server of files says of {@link ARTIFACT}. */
export const HEAD = {
  etag: '"tag"',
  "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
  "accept-ranges": "bytes",
};
/** The requests of a download that was cut in the middle, once. */
export const RESUMED = ["whole", `bytes=${MIDDLE}-`];

/** How a deployment may end on the device. */
export type End = "handed-over" | "failed" | "gone";

/** The signal of a download that nobody ends. */
export const never = new AbortController().signal;

/** Registers a test of a download once with an http and once with an https server. */
export function overHttpAndHttps(
  name: string,
  options: DeviceRigOptions,
  body: (server: MenderServer, open: () => Promise<DeviceRig>) => Promise<void>,
): void {
  for (const tls of [false, true]) {
    test(
      `download over ${tls ? "https" : "http"}: ${name}`,
      () =>
        withServer(
          { autoAccept: true, tls },
          (server) => withDeviceRoot(server, options, (open) => body(server, open)),
        ),
      // The sub-updater is let go of on purpose.
      { leaks: "the sub-updater outlives its client" },
    );
  }
}

/** Where the client of the running test stores what has arrived; one test runs at a time. */
let partFile = "";

/** Uploads an Artifact and deploys it to the device; the ID of the deployment. */
export async function publish(
  server: MenderServer,
  { device, rig }: DeviceRig,
  artifact: Uint8Array = ARTIFACT,
): Promise<string> {
  partFile = rig.paths.partFile;
  await server.uploadArtifact(artifact);
  await device.authenticate();
  await device.sendInventory();
  return server.createDeployment({ artifactName: "release-2" });
}

/**
 * The three sides: what the server knows, what is on the disk, and what the device does next, which is
 * the start of the sub-updater or the next poll.
 */
export async function assertEnd(
  server: MenderServer,
  id: string,
  { device, rig, log }: DeviceRig,
  end: End,
  sizeBytes = SIZE,
): Promise<void> {
  const { status } = server.deployment(id).devices[0]!;
  assert.ok(!existsSync(rig.paths.partFile));
  if (end === "handed-over") {
    assert.equal(status, "installing");
    assert.equal(statSync(rig.paths.artifactFile).size, sizeBytes);
    assert.equal(rig.read(rig.paths.lock), id);
    await waitUntil("the sub-updater", () => rig.installed().length);
    assert.deepEqual(rig.installed(), [rig.paths.artifactFile]);
  } else {
    assert.equal(status, end === "gone" ? "aborted" : "failure", log());
    assert.ok(!existsSync(rig.paths.artifactFile));
    assert.ok(!existsSync(rig.paths.lock));
    assert.deepEqual(rig.installed(), []);
    server.setInterceptor(undefined);
    assert.equal(await device.checkUpdate(never), "nothing");
  }
  assert.deepEqual(server.violations(), []);
}

/** First byte that a request for the Artifact asks for. */
export function offsetOf(exchange: HttpExchange): number {
  return Number(/^bytes=(\d+)-$/.exec(exchange.headers.get("range") ?? "")?.[1] ?? 0);
}

/** Sends bytes under a head that announces more, then ends the connection in a way of its own. */
export async function cutAfter(
  exchange: HttpExchange,
  bytes: number,
  end: (exchange: HttpExchange) => void,
): Promise<void> {
  exchange.start(200, { ...HEAD, "content-length": `${SIZE}` });
  if (bytes > 0) await exchange.write(ARTIFACT.subarray(0, bytes));
  end(exchange);
}

/** Cuts the connection once the first half is stored: what is in flight at a cut may or may not arrive. */
export async function cutInTheMiddle(exchange: HttpExchange): Promise<void> {
  await cutAfter(exchange, MIDDLE, () => {});
  await firstHalfStored();
  exchange.cut();
}

/** Waits until the client has stored the first half, and no more. */
export function firstHalfStored(): Promise<void> {
  return stored(MIDDLE);
}

/** Waits until the client has stored so many bytes. */
export async function stored(bytes: number): Promise<void> {
  await waitUntil(
    `${bytes} bytes`,
    () => existsSync(partFile) && statSync(partFile).size === bytes,
  );
}

/** Sends the Artifact from a byte on, as a server does that keeps the rules. */
export async function sendPart(
  exchange: HttpExchange,
  first: number,
  headers: Record<string, string> = {},
): Promise<void> {
  if (first >= SIZE) return await exchange.reply(416, { "content-range": `bytes */${SIZE}` });
  await exchange.reply(206, {
    ...HEAD,
    "content-range": `bytes ${first}-${SIZE - 1}/${SIZE}`,
    ...headers,
  }, ARTIFACT.subarray(first));
}

/** Sends what is asked for, all of it or a part. */
export async function serveWell(exchange: HttpExchange): Promise<void> {
  await (exchange.headers.has("range")
    ? sendPart(exchange, offsetOf(exchange))
    : exchange.reply(200, HEAD, ARTIFACT));
}

/** Ends the client, as far as it can tell, once the first half of the Artifact is stored. */
export async function endInTheMiddle(server: MenderServer, { device }: DeviceRig): Promise<void> {
  const stop = new AbortController();
  server.setInterceptor(async (exchange) => {
    if (!isArtifactRequest(exchange)) return false;
    await cutAfter(exchange, MIDDLE, () => {});
    await firstHalfStored();
    stop.abort(new Error("the process ends here"));
    return true;
  });
  await assert.rejects(device.checkUpdate(stop.signal), /the process ends here/);
}
