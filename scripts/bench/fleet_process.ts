/**
 * Simulated devices on the library, in a process of their own. Arguments: the address of a server, and how
 * many there are. Told on standard output, one JSON object a line: `ready`, when all were answered once
 * and rest; then, after a line on standard input, how many polls all of them together had answered in a
 * while, each polling again as soon as it was answered.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { MenderClient } from "../../mod.ts";
import { RIG_DEVICE_TYPE } from "../../tests/support/client_rig.ts";
import type { FleetEvent } from "./fleet.ts";

/** How long polls are counted. */
const COUNTED_MS = 5000;
/** Devices that start at the same time. */
const AT_ONCE = 20;

const [server = "", count = "1"] = process.argv.slice(2);
const tell = (event: FleetEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);
const directory = mkdtempSync(join(tmpdir(), "mender-deno-fleet-"));
const clients: MenderClient[] = [];
let isPolling = false;
let polls = 0;

try {
  let next = 0;
  const startSome = async (): Promise<void> => {
    while (next < Number(count)) await startDevice(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, startSome));
  tell({ event: "ready" });
  for await (const _ of createInterface(process.stdin)) {
    isPolling = true;
    for (const client of clients) client.checkUpdate();
    const [before, from] = [polls, performance.now()];
    await delay(COUNTED_MS);
    tell({ event: "polled", polls: polls - before, ms: performance.now() - from });
    break;
  }
  isPolling = false;
  await Promise.all(clients.map((client) => client.close()));
} finally {
  rmSync(directory, { recursive: true });
}
process.exit(0);

/** Starts a device; settles when it was answered for the first time. */
async function startDevice(at: number): Promise<void> {
  const root = join(directory, String(at));
  mkdirSync(join(root, "var/lib/mender"), { recursive: true, mode: 0o700 });
  mkdirSync(join(root, "etc/mender"), { recursive: true });
  writeFileSync(join(root, "etc/mender/artifact_info"), "artifact_name=release-1\n");
  writeFileSync(join(root, "var/lib/mender/device_type"), `device_type=${RIG_DEVICE_TYPE}\n`);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(join(root, "var/lib/mender/mender-agent.pem"), pem, { mode: 0o600 });
  const client = await MenderClient.start({
    root,
    identity: { serial: `${process.pid}-${at}` },
    settings: {
      ServerURL: server,
      UpdatePollIntervalSeconds: 3600,
      InventoryPollIntervalSeconds: 3600,
      FirstContactSpreadSeconds: 0,
    },
    onDeployment: () => {},
  });
  clients.push(client);
  const events = client.events();
  await new Promise<void>((resolve) => void follow(client, events, resolve));
}

async function follow(
  client: MenderClient,
  events: ReturnType<MenderClient["events"]>,
  onFirst: () => void,
): Promise<void> {
  for await (const event of events) {
    if (event.type !== "polled") continue;
    polls++;
    onFirst();
    if (isPolling) client.checkUpdate();
  }
}
