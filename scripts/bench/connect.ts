/**
 * Speed of remote access beside mender-connect, in one run and turn by turn: terminal output, files both
 * ways, a forwarded port both ways, the echo of a key, and the way back after a cut connection. Nothing here
 * passes or fails.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { forwardFrame, forwardNewFrame, int64 } from "../../lib/connect/protocol/internal.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { ClientRig } from "../../tests/support/client_rig.ts";
import { menderConnectPeer, withMenderConnect } from "../../tests/support/mender_connect_rig.ts";
import { TestTerminal } from "../../tests/support/remote_access_rig.ts";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";
import { waitUntil } from "../../tests/support/wait.ts";
import { operator, withServer } from "../../tests/support/with_server.ts";
import { spread } from "../gate/spread.ts";
import { printFigure, printTarget, ratioOf, type Target } from "./figures.ts";
import type { BenchRow } from "./row.ts";

/** What goes through a file, and through a port: enough that its first moments do not count much. */
const MEGABYTES = 32;
const BYTES = MEGABYTES << 20;

/** What one device did in one turn. */
export interface ConnectFigures {
  /** Output of a terminal, in megabytes a second. */
  readonly outputMBps: number;
  /** A file to the device, in megabytes a second. */
  readonly uploadMBps: number;
  /** A file from the device, in megabytes a second. */
  readonly downloadMBps: number;
  /** From a forwarded port to the user, in megabytes a second. */
  readonly fromPortMBps: number;
  /** From the user to a forwarded port, in megabytes a second. */
  readonly toPortMBps: number;
  /** From a cut of the connection to the next one, in seconds. */
  readonly backS: number;
  /** From a key to its echo, in milliseconds, one figure a key. */
  readonly echoMs: readonly number[];
}

const CONFIG = {
  User: "root",
  ShellCommand: "/bin/sh",
  ShellArguments: [],
  Terminal: { Disable: false },
  Sessions: { MaxPerUser: 16 },
  FileTransfer: { Disable: false },
  PortForward: { Disable: false },
};

const KEYS = 1000;
const PIECE_BYTES = 4096;
const MAX_TRIES = 8;

/** Measures one device that is connected. */
export async function measureConnect(
  server: MenderServer,
  deviceId: string,
  dir: string,
): Promise<ConnectFigures> {
  const file = join(dir, "bench.bin");
  writeFileSync(file, new Uint8Array(BYTES).fill(0x61));
  return {
    outputMBps: await measureOutput(server, deviceId, file),
    ...await measureFiles(server, deviceId, dir),
    ...await measurePort(server, deviceId),
    echoMs: await measureEcho(server, deviceId),
    backS: await measureReturn(server, deviceId),
  };
}

/** A shell that answers; now and then one of mender-connect does not. */
async function openShell(server: MenderServer, deviceId: string): Promise<TestTerminal> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const terminal = new TestTerminal(server.openSession(deviceId));
    terminal.session.send({
      protocol: 1,
      type: "resize",
      properties: { terminal_width: int64(80), terminal_height: int64(24) },
    });
    terminal.type("stty raw -echo; echo ready-$((1+1))\n");
    try {
      await terminal.seen(/ready-2\r?\n/, 5000);
      return terminal;
    } catch {
      await closeShell(terminal); // a mute one
    }
  }
  throw new Error("no shell answers");
}

async function closeShell(terminal: TestTerminal): Promise<void> {
  terminal.session.send({ protocol: 1, type: "stop" });
  await terminal.answer("stop", 15_000);
  await terminal.close();
}

async function measureOutput(
  server: MenderServer,
  deviceId: string,
  file: string,
): Promise<number> {
  const terminal = await openShell(server, deviceId);
  const before = terminal.size;
  const startedAt = performance.now();
  terminal.type(`cat ${file}\n`);
  await waitUntil("the output", () => terminal.size - before >= BYTES, 300_000);
  const seconds = (performance.now() - startedAt) / 1000;
  await closeShell(terminal);
  return BYTES / 1e6 / seconds;
}

async function measureFiles(
  server: MenderServer,
  deviceId: string,
  dir: string,
): Promise<Pick<ConnectFigures, "uploadMBps" | "downloadMBps">> {
  const manage = await operator(server);
  const route = `/v1/deviceconnect/devices/${deviceId}`;
  const target = join(dir, "uploaded.bin");
  const form = new FormData();
  form.append("path", target);
  form.append("file", new Blob([new Uint8Array(BYTES)]), "uploaded.bin");
  const uploadAt = performance.now();
  const uploaded = await manage("PUT", `${route}/upload`, form);
  await uploaded.body?.cancel();
  const uploadSeconds = (performance.now() - uploadAt) / 1000;
  if (uploaded.status !== 201) throw new Error(`the upload was answered ${uploaded.status}`);
  await waitUntil("the file", () => readFileSync(target).length === BYTES);
  const downloadAt = performance.now();
  const answer = await manage("GET", `${route}/download?path=${encodeURIComponent(target)}`);
  const got = (await answer.arrayBuffer()).byteLength;
  const downloadSeconds = (performance.now() - downloadAt) / 1000;
  if (got !== BYTES) throw new Error(`${got} bytes came of ${BYTES}`);
  return { uploadMBps: BYTES / 1e6 / uploadSeconds, downloadMBps: BYTES / 1e6 / downloadSeconds };
}

/** One piece is under way at a time, so that this counts round trips. */
async function measurePort(
  server: MenderServer,
  deviceId: string,
): Promise<Pick<ConnectFigures, "fromPortMBps" | "toPortMBps">> {
  let taken = 0;
  const target = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk) => taken += chunk.length);
    socket.write(new Uint8Array(BYTES));
  });
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", () => resolve()));
  const session = server.openSession(deviceId);
  try {
    const { port } = target.address() as AddressInfo;
    session.send(forwardNewFrame("", "c", { host: "127.0.0.1", port, protocol: "tcp" }));
    const fromAt = performance.now();
    for (let got = 0; got < BYTES;) {
      const frame = await session.next();
      if (frame.type === "error") throw new Error("the port is not forwarded");
      if (frame.type !== "forward") continue;
      got += frame.body.length;
      session.send(forwardFrame("ack", "", "c"));
    }
    const fromSeconds = (performance.now() - fromAt) / 1000;
    const piece = forwardFrame("forward", "", "c", new Uint8Array(PIECE_BYTES));
    const toAt = performance.now();
    for (let sent = 0; sent < BYTES; sent += PIECE_BYTES) {
      session.send(piece);
      while ((await session.next()).type !== "ack");
    }
    await waitUntil("the bytes", () => taken === BYTES);
    const toSeconds = (performance.now() - toAt) / 1000;
    const megabytes = BYTES / 1e6;
    return { fromPortMBps: megabytes / fromSeconds, toPortMBps: megabytes / toSeconds };
  } finally {
    session.close();
    target.close();
  }
}

async function measureReturn(server: MenderServer, deviceId: string): Promise<number> {
  const startedAt = performance.now();
  server.disconnectDevice(deviceId);
  await waitUntil("the end", () => !server.isConnected(deviceId));
  await waitUntil("the connection", () => server.isConnected(deviceId), 60_000);
  return (performance.now() - startedAt) / 1000;
}

async function measureEcho(server: MenderServer, deviceId: string): Promise<number[]> {
  const terminal = await openShell(server, deviceId);
  terminal.type("stty -icanon; exec cat\n");
  await new Promise((resolve) => setTimeout(resolve, 300));
  const times: number[] = [];
  for (let key = 0; key < KEYS; key++) {
    const before = terminal.size;
    const startedAt = performance.now();
    terminal.type("x");
    while (terminal.size === before) await new Promise((resolve) => setImmediate(resolve));
    times.push(performance.now() - startedAt);
  }
  await closeShell(terminal);
  return times;
}

/** Runs a body with our device, a process of its own under its permission set. */
export async function withOurDevice<T>(
  server: MenderServer,
  dir: string,
  body: (deviceId: string) => Promise<T>,
): Promise<T> {
  const rig = new ClientRig(dir, {
    serverUrl: server.url,
    identity: "echo mac=02:00:00:00:00:99",
    net: ["http://127.0.0.1"],
  });
  rig.write(rig.paths.mainConfig, JSON.stringify({ ServerURL: server.url }));
  rig.write(rig.paths.connectConfig, JSON.stringify(CONFIG));
  const known = new Set(server.devices().map(({ id }) => id));
  const [program, ...args] = rig.command("terminal");
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk) => said = (said + String(chunk)).slice(-4000));
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const isNew = ({ id }: { id: string }): boolean => !known.has(id);
    const device = await waitUntil("our device", () => server.devices().find(isNew), 40_000);
    server.acceptDevice(device.id);
    await waitUntil("our connection", () => server.isConnected(device.id), 40_000);
    return await body(device.id);
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.stack : error}\n${said}`);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

/** Measures both devices at one server, turn by turn; theirs are absent where there is no peer. */
export function benchConnect(
  runs: number,
): Promise<{ ours: ConnectFigures[]; theirs: ConnectFigures[] }> {
  const hasPeer = menderConnectPeer().skip === undefined;
  return inTemporaryDirectory((dir) =>
    withServer({}, (server) =>
      withOurDevice(server, join(dir, "ours"), async (ourId) => {
        const ours: ConnectFigures[] = [];
        const theirs: ConnectFigures[] = [];
        const play = async (theirId: string | undefined): Promise<void> => {
          for (let run = 0; run < runs; run++) {
            ours.push(await measureConnect(server, ourId, dir));
            if (theirId !== undefined) {
              theirs.push(await measureConnect(server, theirId, dir));
            }
          }
        };
        if (hasPeer) {
          await withMenderConnect(
            join(dir, "theirs"),
            server,
            CONFIG,
            ({ deviceId }) => play(deviceId),
          );
        } else await play(undefined);
        return { ours, theirs };
      }))
  );
}

type Figures = readonly ConnectFigures[];

/** A figure of each turn, and what its ratio to mender-connect's is held against. */
interface Subject {
  readonly name: string;
  readonly unit: string;
  readonly of: (turn: ConnectFigures) => number;
  readonly target?: Target;
}

const SUBJECTS: readonly Subject[] = [
  speed("terminal output", (turn) => turn.outputMBps, 3),
  speed("file to the device", (turn) => turn.uploadMBps, 1),
  speed("file from the device", (turn) => turn.downloadMBps, 1),
  speed("forwarded port to the user", (turn) => turn.fromPortMBps, 2),
  speed("user to a forwarded port", (turn) => turn.toPortMBps, 2),
  echo("p50", 0.5),
  echo("p99", 0.99),
  { name: "back after a cut", unit: "s", of: (turn) => turn.backS },
];

function speed(name: string, of: Subject["of"], atLeast: number): Subject {
  return { name, unit: "MB/s", of, target: { atLeast } };
}

function echo(name: string, share: number): Subject {
  const of = ({ echoMs }: ConnectFigures): number => percentile(echoMs, share);
  return { name: `key echo ${name}`, unit: "ms", of, target: { atMost: 1 } };
}

/** Back after a cut, whatever mender-connect does. */
const BACK_LIMIT_S = 2;

/** Prints the figures, ours beside theirs. */
export function printConnect({ ours, theirs }: { ours: Figures; theirs: Figures }): void {
  for (const { name, unit, of, target } of SUBJECTS) {
    printFigure(`${name}, ours`, ours.map(of), unit);
    if (theirs.length === 0) continue;
    printFigure(`${name}, mender-connect`, theirs.map(of), unit);
    if (target === undefined) continue;
    const ratio = ratioOf(ours.map(of), theirs.map(of));
    printTarget(`${name}, ours / mender-connect`, ratio, target);
  }
  const back = spread(ours.map(({ backS }) => backS)).median;
  printTarget("back after a cut", back, { atMost: BACK_LIMIT_S, unit: "s" });
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/** Remote access, beside mender-connect. */
export const connectRow: BenchRow = {
  name: "connect",
  title:
    `terminal output, files and ports with ${MEGABYTES} MB each, the echo of a key, the way back`,
  defaultRuns: 5,
  async run(runs) {
    printConnect(await benchConnect(runs));
    const { skip } = menderConnectPeer();
    if (skip !== undefined) console.log(`  skipped: mender-connect (${skip})`);
  },
};
