import { strict as assert } from "node:assert";
import { createSocket } from "node:dgram";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { test } from "../../support/test.ts";

const { network } = await hostDrivers();

/** Runs a test body with a TCP server on loopback. */
async function withTcp(
  onConnection: (socket: Socket) => void,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  try {
    await body((server.address() as AddressInfo).port);
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function all(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of source) text += new TextDecoder().decode(chunk);
  return text;
}

test("NetworkDriver by TCP: one direction ends, the other goes on", () =>
  withTcp((socket) => {
    // Says its word, ends, and answers only then.
    socket.write("hello");
    let heard = "";
    socket.on("data", (chunk) => heard += String(chunk));
    socket.on("end", () => socket.end(`, you said ${heard}`));
  }, async (port) => {
    const connection = await network.connectTcp({ host: "localhost", port, limitMs: 5000 });
    await connection.write(bytes("good "));
    await connection.write(bytes("day"));
    connection.end();
    assert.equal(await all(connection.readable), "hello, you said good day");
    await connection.closed;
  }));

test("NetworkDriver by TCP: what is written after the peer has ended still arrives", () => {
  let heard: Promise<string> | undefined;
  return withTcp((socket) => {
    socket.end("bye");
    heard = all(socket);
  }, async (port) => {
    const connection = await network.connectTcp({ host: "127.0.0.1", port, limitMs: 5000 });
    assert.equal(await all(connection.readable), "bye");
    await connection.write(bytes("late"));
    connection.end();
    assert.equal(await heard, "late");
    await connection.closed;
  });
});

test("NetworkDriver by TCP tells where nobody listens", async () => {
  await assert.rejects(
    network.connectTcp({ host: "127.0.0.1", port: 1, limitMs: 5000 }),
    /ECONNREFUSED/,
  );
});

test("NetworkDriver by TCP: a reset is an error for the reader", () =>
  withTcp((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.resetAndDestroy());
  }, async (port) => {
    const connection = await network.connectTcp({ host: "127.0.0.1", port, limitMs: 5000 });
    await connection.write(bytes("x"));
    await assert.rejects(all(connection.readable));
    connection.destroy();
    await connection.closed;
  }));

test("NetworkDriver by UDP sends to its peer and hears it", async () => {
  const echo = createSocket("udp4");
  echo.on("message", (message, from) => echo.send(message, from.port, from.address));
  await new Promise<void>((resolve) => echo.bind(0, "127.0.0.1", () => resolve()));
  const { port } = echo.address();
  try {
    const connection = await network.connectUdp({ host: "localhost", port, limitMs: 5000 });
    const datagrams = connection.readable[Symbol.asyncIterator]();
    for (const text of ["one", "two"]) {
      await connection.write(bytes(text));
      const { value } = await datagrams.next();
      assert.equal(new TextDecoder().decode(value as Uint8Array), text);
    }
    connection.destroy();
    assert.equal((await datagrams.next()).done, true);
  } finally {
    await new Promise<void>((resolve) => echo.close(() => resolve()));
  }
});
