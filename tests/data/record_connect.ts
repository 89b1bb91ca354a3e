/**
 * Records what the real mender-connect and mender-cli write: plays a terminal, files, ports and wrong
 * messages against an embedded server, and keeps the first message of each sender, protocol and type.
 *
 * Needs root, mender, mender-connect, mender-cli and dbus-daemon: `deno run -A tests/data/record_connect.ts DIR`.
 */
import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  decodeFrame,
  menderClientFrame,
  openFrame,
  pathFrame,
  plainControlFrame,
} from "../../lib/connect/protocol/internal.ts";
import { UpgradeRequest } from "../../lib/runtime/websocket/ws_server.ts";
import { MenderCli } from "../support/mender_cli.ts";
import { withMenderConnect } from "../support/mender_connect_rig.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new TypeError("Cannot record: wanted DIR");

const seen = new Map<string, { from: string; proto: number; typ: string; hex: string }>();
const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

const accept = UpgradeRequest.prototype.accept;
UpgradeRequest.prototype.accept = async function (...options) {
  const connection = await accept.apply(this, options);
  const from = this.target.includes("/management/") ? "mender-cli" : "mender-connect";
  const { messages } = connection;
  async function* recorded(): AsyncGenerator<Uint8Array> {
    for await (const message of messages) {
      const { protocol: proto, type: typ } = decodeFrame(message);
      const key = `${from} ${proto} ${typ}`;
      if (!seen.has(key)) seen.set(key, { from, proto, typ, hex: hex(message) });
      yield message;
    }
  }
  Object.defineProperty(connection, "messages", { value: recorded() });
  return connection;
};

const CONFIG = {
  ShellCommand: "/bin/bash",
  ShellArguments: ["--norc"],
  Sessions: { MaxPerUser: 16 },
};

await inTemporaryDirectory((dir) =>
  withServer({}, (server) =>
    withMenderConnect(join(dir, "rig"), server, CONFIG, async ({ deviceId }) => {
      const cli = await MenderCli.login(server, dir);
      const terminal = await cli.inTerminal(["terminal", deviceId]);
      await terminal.seen(/[$#] /);
      terminal.pty.resize(100, 30);
      terminal.type("echo recorded\r");
      await terminal.seen(/recorded\r\n/);
      terminal.type(Uint8Array.of(0x1d));
      await terminal.pty.ended;

      writeFileSync(join(dir, "file"), "a small file\n");
      await cli.run("cp", join(dir, "file"), `${deviceId}:${join(dir, "copy")}`);
      await cli.run("cp", `${deviceId}:${join(dir, "copy")}`, join(dir, "back"));

      const echo = createServer((socket) => socket.pipe(socket));
      await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", () => resolve()));
      const { port } = echo.address() as AddressInfo;
      const local = port === 65_535 ? port - 1 : port + 1;
      const forward = cli.start("port-forward", deviceId, `${local}:127.0.0.1:${port}`);
      const answered = (): Promise<boolean> =>
        new Promise((resolve) => {
          const socket = connect(local, "127.0.0.1", () => socket.write("hello"));
          socket.once("data", () => resolve(socket.end() !== undefined));
          socket.once("error", () => resolve(false));
        });
      await waitUntil("the echo", answered, 30_000);
      await waitUntil("the stop", () => seen.has("mender-connect 3 stop"), 10_000);
      forward.child.kill("SIGINT");
      await forward.ended;
      await new Promise<void>((resolve) => echo.close(() => resolve()));

      const session = server.openSession(deviceId);
      session.send(openFrame("", [1]));
      await session.next();
      session.send(pathFrame("stat", "", "/no/such/file"));
      await session.next();
      session.send({ protocol: 3, type: "forward", properties: { connection_id: "x" } });
      await session.next();
      session.send({ protocol: 0xffff, type: "dance" });
      await session.next();
      session.send(plainControlFrame("ping", ""));
      await session.next();
      session.send(menderClientFrame("check-update", "", "user"));
      await session.next();
      session.send(plainControlFrame("close", ""));
      session.close();
    })));

writeFileSync(
  join(directory, "messages.json"),
  JSON.stringify([...seen.values()].sort((a, b) => a.from.localeCompare(b.from) || a.proto - b.proto || a.typ.localeCompare(b.typ)), null, 2) + "\n",
);
process.exit();
