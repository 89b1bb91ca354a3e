import { MenderError, nameErrors } from "../../lib/core/errors.ts";
import { isFinalStatus } from "../../lib/core/deployment_status.ts";
import { type Deadline, sleep, startDeadline } from "../../lib/runtime/clock.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { readText } from "../../lib/runtime/files/file_driver.ts";
import { onAbort } from "../../lib/runtime/on_abort.ts";
import { readArtifactInfo } from "../../lib/store/artifact_info.ts";
import { writeArtifact } from "../../lib/testing/artifact_writer.ts";
import { type MenderServer, startServer } from "../../lib/testing/mod.ts";
import { followDaemon } from "./daemon_follower.ts";
import { DEMO_DEVICE_TYPE, type DemoDevice, makeDemoDevice, NEW_ARTIFACT } from "./demo_device.ts";
import { Timeline } from "./timeline.ts";

/** Size of the payload: large enough for a progress bar to move. */
const PAYLOAD_BYTES = 48 << 20;
/** Longest that any one step may take. */
const STEP_LIMIT_MS = 30_000;

/** The demo did not reach its end (`demo.*`). */
export class DemoError extends MenderError {}

nameErrors({ DemoError });

/**
 * Plays one whole update on this machine: the embedded server in this process, the real daemon and the
 * real `report` as processes of their own, a sub-updater in between.
 *
 * @param root Directory of the demo's device; everything is below it.
 * @throws {DemoError} A step failed or did not come.
 */
export async function runDemo(drivers: Drivers, root: string, signal: AbortSignal): Promise<void> {
  const timeline = new Timeline(drivers);
  const server = await startServer();
  const deadline = startDeadline(
    drivers.clock,
    STEP_LIMIT_MS,
    () =>
      new DemoError("demo.stuck", `The demo is stuck: no next step for ${STEP_LIMIT_MS / 1000} s`),
    signal,
  );
  const stage = { drivers, timeline, server, deadline };
  try {
    timeline.tell("demo", `everything is in ${root}`);
    timeline.tell("server", `listening on ${server.url}, in this process`);
    await publishArtifact(stage);
    const device = makeDemoDevice(drivers, root, server.url);
    const deploymentId = await firstContact(stage, device);
    await watchSubUpdater(stage, device, deploymentId);
    await secondRound(stage, device);
    checkViolations(server);
    timeline.tell("demo", `done: ${device.target} holds the new release`);
  } finally {
    deadline.dispose();
    await server.close();
  }
}

interface Stage {
  readonly drivers: Drivers;
  readonly timeline: Timeline;
  readonly server: MenderServer;
  readonly deadline: Deadline;
}

async function publishArtifact({ timeline, server }: Stage): Promise<void> {
  const artifact = writeArtifact({
    name: NEW_ARTIFACT,
    deviceTypes: [DEMO_DEVICE_TYPE],
    payloadType: "demo-files",
    files: [{ name: "app.img", content: { sizeBytes: PAYLOAD_BYTES, seed: 1 } }],
    compression: "none",
  });
  await server.uploadArtifact(artifact);
  const size = (artifact.length / 1048576).toFixed(0);
  timeline.tell(
    "operator",
    `uploads the Artifact "${NEW_ARTIFACT}" (${size} MiB) for ${DEMO_DEVICE_TYPE}`,
  );
}

/** From the first request of an unknown device to the hand-off. */
async function firstContact(stage: Stage, device: DemoDevice): Promise<string> {
  const { timeline, server, drivers, deadline } = stage;
  timeline.tell("device", "the daemon starts, makes its key and asks to be let in");
  const daemon = followDaemon(drivers, timeline, device.command("daemon"));
  try {
    const pending = await until(stage, () => server.devices()[0], daemon.failure);
    deadline.restart();
    timeline.tell("server", `a new device: ${JSON.stringify(pending.identity)}, pending`);
    server.acceptDevice(pending.id);
    timeline.tell("operator", "accepts the device");
    const isInventory = (entry: { path: string; status: number }): boolean =>
      entry.path.endsWith("/inventory/device/attributes") && entry.status === 200;
    await until(stage, () => server.journal.entries.some(isInventory), daemon.failure);
    deadline.restart();
    const count = server.devices()[0]?.inventory.length ?? 0;
    timeline.tell("server", `has the inventory of the device: ${count} attributes`);
    const deploymentId = server.createDeployment({ artifactName: NEW_ARTIFACT });
    timeline.tell("operator", `publishes a deployment of "${NEW_ARTIFACT}"`);
    const code = await Promise.race([daemon.ended, aborted(deadline.signal)]);
    if (code !== 0) {
      throw new DemoError("demo.daemon", `The daemon ended with ${code}: ${daemon.lastError()}`);
    }
    deadline.restart();
    timeline.tell("device", "the daemon has done its part and ends");
    return deploymentId;
  } finally {
    daemon.stop();
  }
}

/** From the hand-off to the final status at the server. */
async function watchSubUpdater(
  stage: Stage,
  device: DemoDevice,
  deploymentId: string,
): Promise<void> {
  const { timeline, server, drivers } = stage;
  const { files } = drivers;
  let told = 0;
  const tellOutput = (): void => {
    const lines = (readText(files, device.paths.subUpdaterLog) ?? "").split("\n").slice(0, -1);
    for (const line of lines.slice(told)) {
      if (!/^\d{4}-/.test(line)) timeline.tell("updater", line);
    }
    told = lines.length;
  };
  const status = await until(stage, async () => {
    tellOutput();
    const known = finalStatus(server, deploymentId);
    if (known !== undefined) return known;
    if (await isSubUpdaterGone(stage, device)) return finalStatus(server, deploymentId) ?? "none";
  });
  tellOutput();
  if (status !== "success") {
    throw new DemoError(
      "demo.no-success",
      status === "none"
        ? "The sub-updater ended without a report"
        : `The deployment ended with "${status}"`,
      {
        hint: `Its output is in ${device.paths.subUpdaterLog}; run the demo with --keep to read it`,
      },
    );
  }
  timeline.tell("server", 'the device reports "success"; the deployment is finished');
  await until(stage, () => files.stat(device.paths.lock) === undefined);
}

/** A daemon that starts again, as after a reboot: the server learns what is installed now. */
async function secondRound(stage: Stage, device: DemoDevice): Promise<void> {
  const { timeline, server, drivers, deadline } = stage;
  deadline.restart();
  const daemon = followDaemon(drivers, timeline, [...device.command("daemon"), "--once"]);
  const code = await Promise.race([daemon.ended, aborted(deadline.signal)]).finally(daemon.stop);
  if (code !== 0) {
    throw new DemoError("demo.daemon", `The daemon ended with ${code}: ${daemon.lastError()}`);
  }
  const name = server.devices()[0]?.inventory.find(({ name }) => name === "artifact_name")?.value;
  const installed = readArtifactInfo(drivers.files, device.paths.artifactInfo).artifactName;
  if (name !== NEW_ARTIFACT || installed !== NEW_ARTIFACT) {
    throw new DemoError(
      "demo.not-installed",
      `The device still shows "${installed}", the server "${name}"`,
    );
  }
  timeline.tell("server", `the inventory now says artifact_name=${name}; nothing more to do`);
}

function finalStatus(server: MenderServer, deploymentId: string): string | undefined {
  const [row] = server.deployment(deploymentId).devices;
  return row !== undefined && isFinalStatus(row.status) ? row.status : undefined;
}

async function isSubUpdaterGone({ drivers }: Stage, device: DemoDevice): Promise<boolean> {
  const record = JSON.parse(readText(drivers.files, device.paths.record) ?? "{}");
  const { pid, startTime } = record.handoff ?? {};
  if (pid === undefined) return false;
  const found = await drivers.processes.identify(pid);
  return found.startTime !== startTime;
}

function checkViolations(server: MenderServer): void {
  const [first] = server.violations();
  if (first === undefined) return;
  throw new DemoError(
    "demo.violation",
    `The client broke the protocol: ${first.violation} (${first.method} ${first.path})`,
  );
}

async function until<T>(
  { drivers, deadline }: Stage,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  failure?: () => Error | undefined,
): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    const error = failure?.();
    if (error !== undefined) throw error;
    await sleep(drivers.clock, 20, deadline.signal);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    onAbort(signal, () => reject(signal.reason));
  });
}
