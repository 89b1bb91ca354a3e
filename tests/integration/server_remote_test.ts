import { strict as assert } from "node:assert";
import {
  acceptFrame,
  ackFrame,
  bodyText,
  chunkFrame,
  encodeFrame,
  fileInfoFrame,
  type Frame,
  type FrameInit,
  int64,
  integerProperty,
  openFrame,
  readOpen,
  readPath,
  readPut,
  shellFrame,
  WireInteger,
  writeMsgpack,
} from "../../lib/connect/protocol/internal.ts";
import type { WebSocketRefusal } from "../../lib/runtime/websocket/websocket_driver.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import {
  connectedDevice,
  DEVICE_SOCKET,
  type FramePeer,
  openFramePeer,
  userSocket,
  userToken,
} from "../support/remote_device.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { acceptedDevice, operator, withServer } from "../support/with_server.ts";

const status = (attempt: Promise<unknown>): Promise<number> =>
  attempt.then(() => 101, (error: WebSocketRefusal) => error.status);

test("deviceconnect takes devices by their token, and nobody else", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    assert.equal(await status(openFramePeer(server, DEVICE_SOCKET, "a.b.c")), 401);
    assert.equal(await status(openFramePeer(server, DEVICE_SOCKET, await userToken(server))), 400);
    const peer = await openFramePeer(server, DEVICE_SOCKET, device.token);
    assert.equal(peer.connection.isOpen, true);
    server.revokeTokens();
    assert.equal(await status(openFramePeer(server, DEVICE_SOCKET, device.token)), 401);
    assert.equal(peer.connection.isOpen, true);
    peer.connection.close(1000, "");
    await peer.connection.closed;
  }));

test("deviceconnect tells who is connected", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const { id } = await acceptedDevice(server);
    const stateOf = async (): Promise<string> =>
      (await (await manage("GET", `/v1/deviceconnect/devices/${id}`)).json()).status;
    assert.equal(await stateOf(), "unknown");
    assert.equal(await status(openFramePeer(server, userSocket(id), await userToken(server))), 404);
    const { peer } = await connectedDevice(server);
    assert.equal(await stateOf(), "connected");
    peer.connection.cut();
    await waitUntil("the end", async () => (await stateOf()) === "disconnected");
    assert.equal(
      (await manage("GET", "/v1/deviceconnect/devices/nobody").then(async (answer) => {
        await answer.body?.cancel();
        return answer;
      })).status,
      404,
    );
  }));

test("deviceconnect: a second connection of a device takes the place of the first", () =>
  withServer({}, async (server) => {
    const first = await connectedDevice(server);
    const second = await openFramePeer(server, DEVICE_SOCKET, first.token);
    assert.equal((await first.peer.connection.closed).code, 1000);
    assert.equal(server.isConnected(first.id), true);
    server.openSession(first.id).send({ protocol: 1, type: "new" });
    assert.equal((await second.next())?.type, "new");
    second.connection.cut();
    await second.connection.closed;
  }));

interface Bridged {
  readonly server: MenderServer;
  readonly id: string;
  readonly device: FramePeer;
  readonly user: FramePeer;
}

/** A user with a WebSocket to a device. */
function bridged(
  body: (parts: Bridged) => Promise<void>,
  maxTerminalBytes?: number,
): Promise<void> {
  const options = maxTerminalBytes === undefined ? {} : { maxTerminalBytes };
  return withServer(options, async (server) => {
    const { id, peer: device } = await connectedDevice(server);
    const user = await openFramePeer(server, userSocket(id), await userToken(server));
    try {
      await body({ server, id, device, user });
    } finally {
      for (const { connection } of [device, user]) connection.cut();
      await Promise.all([device, user].map(({ connection }) => connection.closed));
    }
  });
}

test("deviceconnect carries messages both ways, with the IDs of session and user", () =>
  bridged(async ({ server, device, user }) => {
    const properties = { terminal_width: int64(80), big: new WireInteger(1n, "uint64") };
    user.send({ protocol: 1, type: "new", properties });
    const request = await device.next() as Frame;
    assert.match(request.sessionId, /^[0-9a-f-]{36}$/);
    assert.match(String(request.properties.get("user_id")), /^[0-9a-f-]{36}$/);
    // What came as int64 leaves as int64, whatever else there is keeps its form too.
    assert.deepEqual(request.properties.get("terminal_width"), int64(80));
    assert.deepEqual(request.properties.get("big"), new WireInteger(1n, "uint64"));

    const sid = request.sessionId;
    device.send({
      protocol: 1,
      type: "new",
      sessionId: sid,
      properties: { status: 1 },
      body: "ok",
    });
    const answer = await user.next() as Frame;
    assert.deepEqual([answer.sessionId, bodyText(answer)], [sid, "ok"]);
    assert.deepEqual(answer.properties.get("status"), int64(1));
    device.send(shellFrame("shell", "another session", "lost"));
    device.send(shellFrame("shell", sid, Uint8Array.of(0, 255)));
    assert.deepEqual((await user.next())?.body, Uint8Array.of(0, 255));
    assert.deepEqual(server.violations(), []);
  }));

test("deviceconnect stops the terminal of a user who has gone", () =>
  bridged(async ({ device, user }) => {
    user.send({ protocol: 1, type: "new" });
    await device.next();
    user.connection.close(1000, "");
    const stop = await device.next() as Frame;
    assert.deepEqual([stop.protocol, stop.type, bodyText(stop)], [1, "stop", "user disconnected"]);
    assert.equal(integerProperty(stop, "status"), 2);
  }));

test("deviceconnect tells a user that the device has gone before it closes", () =>
  bridged(async ({ device, user }) => {
    user.send({ protocol: 1, type: "new" });
    await device.next();
    device.connection.cut();
    const stop = await user.next() as Frame;
    assert.deepEqual([stop.type, bodyText(stop)], ["stop", "device disconnected"]);
    assert.deepEqual(stop.properties.get("status"), int64(2));
    assert.equal(await user.next(), undefined);
  }));

test("deviceconnect ends a terminal beyond its limit, at both ends", () =>
  bridged(async ({ device, user }) => {
    user.send({ protocol: 1, type: "new" });
    const { sessionId } = await device.next() as Frame;
    device.send(shellFrame("shell", sessionId, new Uint8Array(1001)));
    assert.equal(bodyText(await device.next() as Frame), "session byte limit exceeded");
    await user.next();
    assert.equal((await user.connection.closed).code, 1008);
  }, 1000));

for (
  const [name, message, found] of [
    ["no message at all", Uint8Array.of(0xc1), /malformed/],
    [
      "proto as a fixint",
      writeMsgpack(
        new Map([["hdr", new Map<string, string | number>([["proto", 1], ["typ", "stop"]])]]),
      ),
      /uint16/,
    ],
    ["an unknown type", encodeFrame({ ...shellFrame("stop", "s"), type: "delay" }), /delay/],
    ["an unknown protocol", encodeFrame({ protocol: 9, type: "x", sessionId: "s" }), /protocol 9/],
    ["a shell message without status", encodeFrame({ protocol: 1, type: "shell" }), /status/],
    [
      "an offset that is no int64",
      encodeFrame({ protocol: 2, type: "ack", sessionId: "s", properties: { offset: 5 } }),
      /int64/,
    ],
    ["an accept that says nothing", encodeFrame({ protocol: 0xffff, type: "accept" }), /version/],
  ] as const
) {
  test(`deviceconnect notes as a violation: ${name}`, () =>
    withServer({}, async (server) => {
      const { peer, id } = await connectedDevice(server);
      peer.send(message);
      const [entry] = await waitUntil("a violation", () => {
        const violations = server.violations();
        return violations.length > 0 && violations;
      });
      assert.match(entry?.violation ?? "", found);
      assert.equal(entry?.deviceId, id);
      assert.equal(server.isConnected(id), true);
      peer.connection.cut();
      await peer.connection.closed;
    }));
}

/** Plays a device that answers one message after another; gives what it was sent. */
async function play(
  device: FramePeer,
  answers: readonly ((frame: Frame) => readonly FrameInit[])[],
): Promise<Frame[]> {
  const seen: Frame[] = [];
  for (const answer of answers) {
    const frame = await device.next() as Frame;
    seen.push(frame);
    for (const init of answer(frame)) device.send({ ...init, sessionId: frame.sessionId });
  }
  return seen;
}

test("deviceconnect uploads a file, with the mode that comes behind it", () =>
  withServer({}, async (server) => {
    const { id, peer } = await connectedDevice(server);
    const manage = await operator(server);
    const form = new FormData();
    form.append("path", "/srv/x");
    form.append("file", new Blob([new Uint8Array(5000)]), "dir/x");
    form.append("mode", "750");
    const answer = manage("PUT", `/v1/deviceconnect/devices/${id}/upload`, form);
    const seen = await play(peer, [
      () => [acceptFrame("", [1, 2])],
      () => [ackFrame("", 0)],
      () => [],
      () => [ackFrame("", 4096)],
      () => [ackFrame("", 5000)],
      () => [],
    ]);
    const response = await answer;
    await response.body?.cancel();
    assert.equal(response.status, 201);
    assert.deepEqual(readOpen(seen[0]!), [1]);
    const put = readPut(seen[1]!);
    assert.deepEqual([put.path, put.goMode], ["/srv/x", 0o750]);
    assert.deepEqual(seen.slice(2, 5).map(({ body }) => body.length), [4096, 904, 0]);
    assert.deepEqual(seen[3]!.properties.get("offset"), int64(4096));
    assert.equal(seen[5]?.type, "close");
    assert.deepEqual(server.violations(), []);
    peer.connection.cut();
    await peer.connection.closed;
  }));

test("deviceconnect downloads a file, and notes a chunk out of place", () =>
  withServer({}, async (server) => {
    const { id, peer } = await connectedDevice(server);
    const manage = await operator(server);
    const path = `/v1/deviceconnect/devices/${id}/download?path=${encodeURIComponent("/a b")}`;
    const facts = { path: "/a b", sizeBytes: 3, goMode: 0o640, uid: 5, gid: 6 };
    const good = manage("GET", path);
    const seen = await play(peer, [
      () => [acceptFrame("", [2])],
      () => [fileInfoFrame("", facts)],
      () => [chunkFrame("", 0, Uint8Array.of(1, 2, 3)), chunkFrame("", 3)],
      () => [],
      () => [],
    ]);
    const answer = await good;
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), Uint8Array.of(1, 2, 3));
    assert.equal(answer.headers.get("x-men-file-mode"), "640");
    assert.equal(readPath(seen[1]!), "/a b");
    assert.deepEqual(seen.slice(3).map(({ type }) => type), ["ack", "close"]);
    assert.deepEqual(seen[3]!.properties.get("offset"), int64(3));

    const bad = manage("GET", path);
    await play(peer, [
      () => [acceptFrame("", [2])],
      () => [fileInfoFrame("", facts)],
      () => [chunkFrame("", 0, Uint8Array.of(1)), chunkFrame("", 2, Uint8Array.of(1))],
    ]);
    await assert.rejects(bad.then((response) => response.arrayBuffer()));
    assert.match(server.violations()[0]?.violation ?? "", /a chunk at 2 where 1 was due/);
    peer.connection.cut();
    await peer.connection.closed;
  }));

test("deviceconnect: a device without file transfer is a bad gateway", () =>
  withServer({}, async (server) => {
    const { id, peer } = await connectedDevice(server);
    const manage = await operator(server);
    const answer = manage("GET", `/v1/deviceconnect/devices/${id}/download?path=/x`);
    await play(peer, [() => [acceptFrame("", [1])], () => []]);
    const response = await answer;
    await response.body?.cancel();
    assert.equal(response.status, 502);
    peer.connection.cut();
    await peer.connection.closed;
  }));

test("deviceconnect passes check-update and send-inventory on", () =>
  withServer({}, async (server) => {
    const { id, peer } = await connectedDevice(server);
    const manage = await operator(server);
    for (const type of ["check-update", "send-inventory"]) {
      const response = await manage("POST", `/v1/deviceconnect/devices/${id}/${type}`);
      await response.body?.cancel();
      assert.equal(response.status, 202);
      const frame = await peer.next() as Frame;
      assert.deepEqual([frame.protocol, frame.type], [4, type]);
    }
    peer.send(openFrame("", [1])); // a device does not open
    await waitUntil("a violation", () => server.violations().length > 0);
    peer.connection.cut();
    await peer.connection.closed;
  }));
