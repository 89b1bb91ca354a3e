import { strict as assert } from "node:assert";
import {
  bodyText,
  encodeFrame,
  type Frame,
  integerProperty,
  menderClientFrame,
  openFrame,
  pathFrame,
  plainControlFrame,
  readAccept,
  readControlError,
  WireInteger,
  writeMsgpack,
} from "../../lib/connect/protocol/internal.ts";
import { EVERYTHING, TestTerminal, withRemoteAccess } from "../support/remote_access_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { operator } from "../support/with_server.ts";

const waker = { checkUpdate: () => Promise.resolve(), sendInventory: () => Promise.resolve() };

for (
  const [name, config, protocols] of [
    ["everything", EVERYTHING, [1, 2, 3, 4]],
    ["the terminal alone", { RemoteTerminal: "true", ShellCommand: "/bin/sh" }, [1]],
    ["file transfer alone", { FileTransfer: { Disable: false } }, [2]],
    ["ports alone", { PortForward: { Disable: false } }, [3]],
  ] as const
) {
  test(`session: the handshake names what is switched on: ${name}`, () =>
    withRemoteAccess({ config, waker }, async ({ open, server }) => {
      const session = open();
      session.send(openFrame("", [1]));
      const accept = readAccept(await session.next());
      assert.equal(accept.version, 1);
      assert.deepEqual([...accept.protocols].sort(), protocols);
      for (const protocol of [1, 2, 3, 4]) {
        if ((protocols as readonly number[]).includes(protocol)) continue;
        session.send({ protocol, type: "new" });
        assert.equal(
          readControlError(await session.next()).text,
          `no handler registered for protocol: 0x000${protocol}`,
        );
      }
      session.send(plainControlFrame("close", ""));
      session.close();
      assert.deepEqual(server.violations(), []);
    }));
}

test("session: without a daemon to wake, mender-client is not offered", () =>
  withRemoteAccess({}, async ({ open }) => {
    const session = open();
    session.send(openFrame("", [1]));
    assert.deepEqual([...readAccept(await session.next()).protocols].sort(), [1, 2, 3]);
    session.send(plainControlFrame("close", ""));
    session.close();
  }));

for (
  const [name, frame, text, isClosing] of [
    ["another version", openFrame("", [2]), "handshake rejected: require version 1", true],
    [
      "an open that cannot be read",
      { protocol: 0xffff, type: "open", body: Uint8Array.of(0xc1) },
      "malformed message: no value begins with 0xc1",
      true,
    ],
    [
      "an unknown control message",
      { protocol: 0xffff, type: "dance" },
      "session: control type message not understood: 'dance'",
      false,
    ],
    [
      "an unknown protocol",
      { protocol: 9, type: "x" },
      "no handler registered for protocol: 0x0009",
      false,
    ],
  ] as const
) {
  test(`session answers ${name} with an error`, () =>
    withRemoteAccess({}, async ({ open, server }) => {
      const session = open();
      session.send(frame);
      const error = readControlError(await session.next());
      assert.deepEqual([error.text, error.isClosing], [text, isClosing]);
      session.send(plainControlFrame("ping", ""));
      assert.equal((await session.next()).type, "pong");
      session.send(plainControlFrame("close", ""));
      session.close();
      assert.deepEqual(server.violations(), []);
    }));
}

const header = (entries: Record<string, WireInteger | string | number>) =>
  writeMsgpack(new Map([["hdr", new Map(Object.entries(entries))]]));

for (
  const [name, message] of [
    ["no msgpack", Uint8Array.of(0xc1, 0xc1)],
    ["nothing", new Uint8Array(0)],
    ["a text", writeMsgpack("hello")],
    ["a message without a protocol", header({ typ: "new" })],
    ["a type that is a number", header({ proto: 1, typ: 5 })],
    ["a protocol beyond all numbers", header({ proto: new WireInteger(2n ** 63n, "uint64") })],
  ] as const
) {
  test(`session: ${name} is answered with an error, and the connection stays`, () =>
    withRemoteAccess({}, async ({ server, deviceId, open, logger }) => {
      server.sendToDevice(deviceId, message);
      await waitUntil("the log", () => logger.lines().some((line) => line.includes("malformed")));
      const session = open();
      session.send(plainControlFrame("ping", ""));
      assert.equal((await session.next()).type, "pong");
      session.send(plainControlFrame("close", ""));
      session.close();
      assert.equal(
        server.journal.entries.filter(({ path, status }) =>
          path.endsWith("/connect") && status === 101
        ).filter(({ method }) => method === "GET").length,
        1,
      );
    }));
}

test("session: an error about a malformed message goes to the session that it came from", () =>
  withRemoteAccess({}, async ({ server, deviceId, open }) => {
    const session = open();
    server.sendToDevice(
      deviceId,
      writeMsgpack(
        new Map<string, number | Map<string, string | number>>([
          [
            "hdr",
            new Map<string, string | number>([["proto", 2], ["typ", "stat"], ["sid", session.id]]),
          ],
          ["body", 5],
        ]),
      ),
    );
    const error = readControlError(await session.next());
    assert.match(error.text, /^malformed message: body/);
    assert.deepEqual([error.protocol, error.type, error.isClosing], [2, "stat", false]);
    session.close();
  }));

test("session: beyond sixty-four at a time there are no more, until one ends", () =>
  withRemoteAccess({}, async ({ open }) => {
    const sessions = Array.from({ length: 65 }, () => open());
    for (const session of sessions) session.send(plainControlFrame("ping", ""));
    const answers = await Promise.all(sessions.map((session) => session.next()));
    assert.equal(answers.filter(({ type }) => type === "pong").length, 64);
    const refused = answers.find(({ type }) => type === "error") as Frame;
    assert.deepEqual(
      [readControlError(refused).text, readControlError(refused).isClosing],
      ["too many sessions", true],
    );
    sessions[0]!.send(plainControlFrame("close", ""));
    sessions[64]!.send(plainControlFrame("ping", ""));
    assert.equal((await sessions[64]!.next()).type, "pong");
    for (const session of sessions) {
      session.send(plainControlFrame("close", ""));
      session.close();
    }
  }));

test("mender-client wakes the daemon, and tells what came of it", async () => {
  const woken: string[] = [];
  let fails = false;
  const wake = (what: string) => () => {
    woken.push(what);
    return fails ? Promise.reject(new Error("the daemon does not run")) : Promise.resolve();
  };
  await withRemoteAccess({
    waker: { checkUpdate: wake("check-update"), sendInventory: wake("send-inventory") },
  }, async ({ open, server, deviceId }) => {
    const session = open();
    const ask = async (type: string): Promise<[number | undefined, string]> => {
      session.send({ ...menderClientFrame("check-update", "", "u"), type });
      const answer = await session.next();
      assert.equal(answer.type, type);
      return [integerProperty(answer, "status"), bodyText(answer)];
    };
    assert.deepEqual(await ask("check-update"), [1, ""]);
    assert.deepEqual(await ask("send-inventory"), [1, ""]);
    assert.deepEqual(woken, ["check-update", "send-inventory"]);
    fails = true;
    assert.deepEqual(await ask("check-update"), [2, "the daemon does not run"]);
    assert.deepEqual(server.violations(), []);
    assert.deepEqual(await ask("dance"), [2, "unknown message type"]);
    session.send(plainControlFrame("close", ""));
    session.close();

    const manage = await operator(server);
    const answer = await manage("POST", `/v1/deviceconnect/devices/${deviceId}/check-update`);
    await answer.body?.cancel();
    await waitUntil("the call", () => woken.length === 4);
  });
});

test(
  "sessions of all kinds go on beside each other over one connection",
  () =>
    withRemoteAccess({}, async ({ open, server }) => {
      const terminal = new TestTerminal(open());
      const other = open();
      terminal.type(
        "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; echo end-$((1+1))\n",
      );
      for (let round = 0; round < 20; round++) {
        other.send(pathFrame("stat", "", "/etc"));
        assert.equal((await other.next()).type, "file_info");
      }
      await terminal.seen(/end-2/);
      other.send(plainControlFrame("close", ""));
      other.close();
      terminal.session.send({ protocol: 1, type: "stop" });
      await terminal.answer("stop");
      await terminal.close();
      assert.deepEqual(server.violations(), []);
      assert.ok(encodeFrame({ protocol: 1 }).length < 20);
    }),
  { leaks: "a thread of the terminal addon" },
);
