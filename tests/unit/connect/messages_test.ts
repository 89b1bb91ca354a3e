import { strict as assert } from "node:assert";
import { isMenderError } from "../../../lib/core/errors.ts";
import {
  acceptFrame,
  ackFrame,
  BadFrameError,
  chunkFrame,
  controlErrorFrame,
  decodeFrame,
  encodeFrame,
  fileInfoFrame,
  forwardErrorFrame,
  forwardFrame,
  forwardNewFrame,
  type Frame,
  type FrameInit,
  goFileMode,
  int64,
  integerProperty,
  menderClientAnswer,
  menderClientFrame,
  openFrame,
  pathFrame,
  plainControlFrame,
  putFrame,
  readAccept,
  readControlError,
  readFileInfo,
  readForwardError,
  readForwardTarget,
  readOpen,
  readPath,
  readPut,
  readTerminalSize,
  readTransferError,
  shellFrame,
  shellPingFrame,
  transferErrorFrame,
  unixMode,
  type WireValue,
  writeMsgpack,
} from "../../../lib/connect/protocol/internal.ts";
import { randomWireValue } from "../../support/random_wire_value.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const through = (frame: FrameInit): Frame => decodeFrame(encodeFrame(frame));
const hex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

test("a frame comes back as it was sent, whatever is in it", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seededRandom(seed);
    const properties = new Map<string, WireValue>([["first", randomWireValue(random)]]);
    const frame: Frame = {
      protocol: Math.floor(random() * 0x10000),
      type: random() < 0.2 ? "" : "type",
      sessionId: random() < 0.2 ? "" : "session",
      properties: random() < 0.2 ? new Map() : properties,
      body: Uint8Array.from({ length: Math.floor(random() * 9000) }, () => random() * 256),
    };
    const bytes = encodeFrame(frame);
    assert.deepEqual(encodeFrame(decodeFrame(bytes)), bytes, `seed ${seed}`);
    assert.deepEqual(decodeFrame(bytes).body, frame.body, `seed ${seed}`);
  }
});

test("encodeFrame() writes proto as uint16, and leaves out what is empty", () => {
  const bytes = encodeFrame({ protocol: 1 });
  assert.equal(hex(bytes), "81a368647281a570726f746fcd0001");
});

for (
  const [name, frame, end] of [
    ["ack", ackFrame("s", 0), "a66f6666736574d30000000000000000"],
    ["file_chunk", chunkFrame("s", 4096), "a66f6666736574d30000000000001000"],
    ["shell", shellFrame("stop", "s"), "a6737461747573d30000000000000001"],
    ["mender client", menderClientAnswer("check-update", "s"), "a6737461747573d30000000000000001"],
  ] as const
) {
  test(`${name}: its number is written as int64`, () => {
    assert.ok(hex(encodeFrame(frame)).endsWith(end));
  });
}

test("control messages come back as they were sent", () => {
  assert.deepEqual(readOpen(through(openFrame("s", [1, 2]))), [1, 2]);
  assert.deepEqual(readOpen(through({ protocol: 0xffff, type: "open" })), []);
  const accept = readAccept(through(acceptFrame("s", [1, 2, 0xffff])));
  assert.deepEqual(accept, { version: 1, protocols: [1, 2, 0xffff] });
  for (const type of ["ping", "pong", "close"] as const) {
    const frame = through(plainControlFrame(type, "s"));
    assert.deepEqual([frame.protocol, frame.type, frame.sessionId], [0xffff, type, "s"]);
  }
  const error = {
    text: "why",
    isClosing: true,
    protocol: 2,
    type: "stat",
    messageId: "7",
    code: 404,
  };
  assert.deepEqual(readControlError(through(controlErrorFrame("s", error))), error);
});

test("shell messages come back as they were sent", () => {
  const shell = through(shellFrame("shell", "s", Uint8Array.of(0, 255)));
  assert.deepEqual([shell.body, integerProperty(shell, "status")], [Uint8Array.of(0, 255), 1]);
  const ping = through(shellPingFrame("s", 65));
  assert.deepEqual(["timeout", "status"].map((name) => integerProperty(ping, name)), [65, 3]);
  const size = (columns: WireValue, rows: WireValue) =>
    readTerminalSize(
      through({
        protocol: 1,
        type: "resize",
        properties: { terminal_width: columns, terminal_height: rows },
      }),
    );
  assert.deepEqual(size(int64(132), 43), { columns: 132, rows: 43 });
  for (const bad of [0, -1, 70_000, "80", null]) assert.equal(size(bad, 24), undefined);
});

test("file transfer messages come back as they were sent", () => {
  const facts = {
    path: "/etc/motd",
    sizeBytes: 2 ** 40,
    uid: 0,
    gid: 1000,
    goMode: 2 ** 31 + 0o755,
    modifiedAtMs: 1_700_000_000_123,
  };
  assert.deepEqual(readFileInfo(through(fileInfoFrame("s", facts))), facts);
  for (const modifiedAtMs of [0, 1_700_000_000_000, 2 ** 34 * 1000 + 5, -1000]) {
    const again = readFileInfo(through(fileInfoFrame("s", { ...facts, modifiedAtMs })));
    assert.equal(again.modifiedAtMs, modifiedAtMs);
  }
  const put = { ...facts, sourcePath: "a/b" };
  assert.deepEqual(readPut(through(putFrame("s", put))), put);
  assert.equal(readPath(through(pathFrame("stat", "s", "/x"))), "/x");
  const cause = through(chunkFrame("s", 7));
  const error = through(transferErrorFrame(cause, "no"));
  assert.deepEqual([readTransferError(error), integerProperty(error, "offset")], ["no", 7]);
});

test("port forward and mender-client messages come back as they were sent", () => {
  const target = { host: "localhost", port: 22, protocol: "tcp" } as const;
  const request = through(forwardNewFrame("s", "c", target));
  assert.deepEqual(readForwardTarget(request), target);
  const data = through(forwardFrame("forward", "s", "c", Uint8Array.of(1)));
  assert.deepEqual([data.type, data.properties.get("connection_id")], ["forward", "c"]);
  const error = through(forwardErrorFrame(data, "no"));
  assert.deepEqual([readForwardError(error), error.properties.get("connection_id")], ["no", "c"]);
  assert.equal(through(menderClientFrame("check-update", "s", "u")).properties.get("user_id"), "u");
  assert.equal(integerProperty(through(menderClientAnswer("check-update", "s", "x")), "status"), 2);
});

test("file modes are translated between Unix and Go", () => {
  assert.equal(goFileMode("file", 0o750), 488);
  assert.equal(goFileMode("directory", 0o1777), 2 ** 31 + 2 ** 20 + 0o777);
  assert.equal(goFileMode("character", 0o600), 2 ** 26 + 2 ** 21 + 0o600);
  assert.equal(unixMode(goFileMode("file", 0o6755)), 0o6755);
  assert.equal(unixMode(0o4755), 0o4755);
});

const frameOf = (header: WireValue, body?: WireValue): Uint8Array =>
  writeMsgpack(
    new Map<string, WireValue>(
      [["hdr", header], ...(body === undefined ? [] : [["body", body]])] as [
        string,
        WireValue,
      ][],
    ),
  );
const header = (entries: Record<string, WireValue>): WireValue => new Map(Object.entries(entries));

for (
  const [name, bytes] of [
    ["a number", writeMsgpack(1)],
    ["a map without hdr", writeMsgpack(new Map())],
    ["a hdr that is a list", frameOf([])],
    ["no proto", frameOf(header({ typ: "new" }))],
    ["a proto that is a text", frameOf(header({ proto: "1" }))],
    ["a proto beyond 16 bits", frameOf(header({ proto: 70_000 }))],
    ["a negative proto", frameOf(header({ proto: -1 }))],
    ["a typ that is a number", frameOf(header({ proto: 1, typ: 1 }))],
    ["a sid that is bytes", frameOf(header({ proto: 1, sid: Uint8Array.of(1) }))],
    ["props that are a list", frameOf(header({ proto: 1, props: [] }))],
    ["a body that is a number", frameOf(header({ proto: 1 }), 5)],
  ] as const
) {
  test(`decodeFrame() refuses ${name}`, () => {
    assert.throws(
      () => decodeFrame(bytes),
      (error) => isMenderError(error, "session.bad-message"),
    );
  });
}

test("decodeFrame() tells of what session a refused message was, where that can be read", () => {
  const bytes = frameOf(header({ proto: 2, typ: "stat", sid: "abc" }), 5);
  assert.throws(() => decodeFrame(bytes), (error) => {
    assert.ok(error instanceof BadFrameError);
    assert.deepEqual(error.head, { protocol: 2, type: "stat", sessionId: "abc" });
    return true;
  });
});

test("decodeFrame() skips what it does not know, and takes a text as body", () => {
  const bytes = frameOf(header({ proto: 1, more: 1, typ: null, props: null }), "text");
  const frame = decodeFrame(bytes);
  assert.deepEqual([frame.type, frame.properties.size], ["", 0]);
  assert.equal(new TextDecoder().decode(frame.body), "text");
});

for (
  const [name, read] of [
    ["open", readOpen],
    ["accept", readAccept],
    ["error", readControlError],
    ["stat", readPath],
    ["put_file", readPut],
    ["file_info", readFileInfo],
    ["new", readForwardTarget],
  ] as const
) {
  test(`the body of ${name}: wrong forms are refused as malformed`, () => {
    for (
      const body of [
        writeMsgpack([1]),
        Uint8Array.of(0xc1),
        writeMsgpack(header({ path: 1, versions: 1, version: "x", err: 1, remote_host: 1 })),
        writeMsgpack(header({ path: "/x", versions: ["a"], version: -1, size: -1, close: 1 })),
      ]
    ) {
      const frame = decodeFrame(encodeFrame({ protocol: 2, body }));
      try {
        read(frame);
        assert.ok(name === "stat" && body.length > 30, "a good path beside unknown fields");
      } catch (error) {
        assert.ok(isMenderError(error, "session.bad-message"), String(error));
      }
    }
  });
}
