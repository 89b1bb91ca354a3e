import { strict as assert } from "node:assert";
import {
  bodyText,
  decodeFrame,
  encodeFrame,
  type Frame,
  int64,
  integerProperty,
  readAccept,
  readControlError,
  readFileInfo,
  readForwardError,
  readForwardTarget,
  readMsgpack,
  readOpen,
  readTerminalSize,
  readTransferError,
  writeMsgpack,
} from "../../../lib/connect/protocol/internal.ts";
import { judgeFrame } from "../../../lib/testing/server/remote/frame_rules.ts";
import { repositoryText } from "../../support/repository_text.ts";
import { test } from "../../support/test.ts";

interface Recorded {
  readonly from: "mender-connect" | "mender-cli";
  readonly proto: number;
  readonly typ: string;
  readonly hex: string;
}

const MESSAGES: readonly Recorded[] = JSON.parse(
  repositoryText("tests/data/mender_connect_2_1/messages.json"),
);

const bytesOf = ({ hex }: Recorded): Uint8Array =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

function recorded(from: Recorded["from"], proto: number, typ: string): Frame {
  const found = MESSAGES.find((one) => one.from === from && one.proto === proto && one.typ === typ);
  assert.ok(found, `${from} ${proto} ${typ}`);
  return decodeFrame(bytesOf(found));
}

for (const message of MESSAGES) {
  const { from, proto, typ } = message;
  test(`recorded: ${proto}/${typ} of ${from} is read, and written again byte for byte`, () => {
    const bytes = bytesOf(message);
    const frame = decodeFrame(bytes);
    assert.deepEqual([frame.protocol, frame.type], [proto, typ]);
    assert.deepEqual(writeMsgpack(readMsgpack(bytes)), bytes);
    assert.deepEqual(encodeFrame(frame), bytes);
    if (from === "mender-connect") assert.deepEqual(judgeFrame(bytes).violations, []);
  });
}

test("recorded: what the messages say is understood", () => {
  const device = (proto: number, typ: string): Frame => recorded("mender-connect", proto, typ);
  const user = (proto: number, typ: string): Frame => recorded("mender-cli", proto, typ);
  assert.deepEqual(readTerminalSize(user(1, "new")), { columns: 90, rows: 30 });
  assert.deepEqual(readTerminalSize(user(1, "resize")), { columns: 100, rows: 30 });
  assert.deepEqual(readOpen(user(0xffff, "open")), [1]);
  assert.equal(readForwardTarget(user(3, "new")).protocol, "tcp");
  assert.equal(bodyText(user(3, "forward")), "hello");

  assert.equal(bodyText(device(1, "new")), "Shell started");
  assert.equal(integerProperty(device(1, "new"), "status"), 1);
  assert.deepEqual([...readAccept(device(0xffff, "accept")).protocols].sort(), [1, 2, 3, 4]);
  assert.deepEqual(readControlError(device(0xffff, "error")), {
    text: "session: control type message not understood: 'dance'",
    isClosing: false,
    protocol: 0xffff,
    type: "dance",
    messageId: undefined,
    code: undefined,
  });
  assert.deepEqual(device(2, "ack").properties.get("offset"), int64(0));
  assert.deepEqual(device(2, "file_chunk").properties.get("offset"), int64(0));
  assert.equal(bodyText(device(2, "file_chunk")), "a small file\n");
  assert.match(readTransferError(device(2, "error")), /no such file or directory/);
  const facts = readFileInfo(device(2, "file_info"));
  assert.deepEqual([facts.sizeBytes, facts.goMode, facts.uid], [13, 0o644, 0]);
  assert.ok((facts.modifiedAtMs ?? 0) > Date.UTC(2020, 0));
  assert.equal(readForwardError(device(3, "error")), "unknown connection");
  assert.equal(integerProperty(device(4, "check-update"), "status") !== undefined, true);
});
