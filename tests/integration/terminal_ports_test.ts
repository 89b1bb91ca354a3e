import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  CHUNK_BYTES,
  forwardFrame,
  forwardNewFrame,
  type Frame,
  plainControlFrame,
  PROTOCOLS,
  readForwardError,
} from "../../lib/connect/protocol/internal.ts";
import type { RemoteSession } from "../../lib/testing/mod.ts";
import { withRemoteAccess } from "../support/remote_access_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

/** Runs a test body with a TCP server that keeps count of its connections. */
async function withTarget(
  onConnection: (socket: Socket) => void,
  body: (target: { port: number; open: Set<Socket> }) => Promise<void>,
): Promise<void> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => open.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  try {
    await body({ port: (server.address() as AddressInfo).port, open });
  } finally {
    for (const socket of open) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

/** The listening side of a forwarding, for all connections of a session. */
class Forwarding {
  readonly session: RemoteSession;
  readonly frames: Frame[] = [];
  readonly #data = new Map<string, Uint8Array[]>();
  readonly #acks = new Map<string, () => void>();

  constructor(session: RemoteSession) {
    this.session = session;
    void this.#read();
  }

  open(id: string, port: number, protocol: "tcp" | "udp" = "tcp"): void {
    this.session.send(forwardNewFrame("", id, { host: "127.0.0.1", port, protocol }));
  }

  /** Sends one piece, and waits for its acknowledgement. */
  send(id: string, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#acks.set(id, resolve);
      this.session.send(forwardFrame("forward", "", id, bytes));
    });
  }

  stop(id: string): void {
    this.session.send(forwardFrame("stop", "", id));
  }

  received(id: string): Uint8Array {
    const chunks = this.#data.get(id) ?? [];
    const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    chunks.reduce((at, chunk) => (whole.set(chunk, at), at + chunk.length), 0);
    return whole;
  }

  count(type: string, id?: string): number {
    return this.frames.filter((frame) =>
      frame.type === type && (id === undefined || frame.properties.get("connection_id") === id)
    ).length;
  }

  async #read(): Promise<void> {
    for await (const frame of this.session.frames) {
      this.frames.push(frame);
      const id = String(frame.properties.get("connection_id"));
      if (frame.type === "ack") this.#acks.get(id)?.();
      if (frame.type === "forward") {
        const chunks = this.#data.get(id) ?? [];
        chunks.push(frame.body);
        this.#data.set(id, chunks);
        this.session.send(forwardFrame("ack", "", id));
      }
    }
  }
}

/** A target that says nothing, and ends when its peer does. */
function listen(socket: Socket): void {
  socket.resume();
  socket.on("end", () => socket.end());
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("port forward carries many TCP connections at once, each byte in its place", () =>
  withTarget((socket) => {
    socket.on("data", (chunk) => {
      if (!socket.write(chunk)) socket.pause();
    });
    socket.on("drain", () => socket.resume());
    socket.on("end", () => socket.end());
  }, ({ port, open }) =>
    withRemoteAccess({}, async ({ open: openSession, server }) => {
      const forwarding = new Forwarding(openSession());
      const ids = Array.from({ length: 40 }, (_, at) => `connection ${at}`);
      await Promise.all(ids.map(async (id, at) => {
        forwarding.open(id, port);
        // The first piece does not wait for the connection.
        const content = Uint8Array.from({ length: 50_000 + at }, (_, byte) => byte * (at + 3));
        for (let from = 0; from < content.length; from += CHUNK_BYTES) {
          await forwarding.send(id, content.subarray(from, from + CHUNK_BYTES));
        }
        await waitUntil("the echo", () => forwarding.received(id).length === content.length);
        assert.equal(sha256(forwarding.received(id)), sha256(content));
        assert.equal(forwarding.count("ack", id), Math.ceil(content.length / CHUNK_BYTES));
        forwarding.stop(id);
      }));
      await waitUntil("the ends", () => open.size === 0 && forwarding.count("stop") === 40);
      assert.equal(forwarding.count("new"), 40);
      assert.equal(forwarding.count("error"), 0);
      assert.deepEqual(server.violations(), []);
      forwarding.session.close();
    })));

test("port forward: what a target says before it ends arrives before its end is told", () =>
  withTarget((socket) => {
    let heard = 0;
    socket.on("data", (chunk) => {
      heard += chunk.length;
      if (heard === 3) socket.end(new Uint8Array(100_000).fill(7));
    });
  }, ({ port, open }) =>
    withRemoteAccess({}, async ({ open: openSession }) => {
      const forwarding = new Forwarding(openSession());
      forwarding.open("c", port);
      await forwarding.send("c", text("abc"));
      await waitUntil("the end", () => forwarding.count("stop", "c") === 1);
      assert.equal(forwarding.received("c").length, 100_000);
      await waitUntil("the socket", () => open.size === 0);
      forwarding.session.close();
    })));

test("port forward: what a peer sent before it stops arrives, and then the end", () => {
  let heard = "";
  let hasEnded = false;
  return withTarget((socket) => {
    socket.on("data", (chunk) => heard += String(chunk));
    socket.on("end", () => {
      hasEnded = true;
      socket.end();
    });
  }, ({ port, open }) =>
    withRemoteAccess({}, async ({ open: openSession }) => {
      const forwarding = new Forwarding(openSession());
      forwarding.open("c", port);
      void forwarding.send("c", text("all of "));
      void forwarding.send("c", text("it"));
      forwarding.stop("c");
      await waitUntil("the end", () => hasEnded && open.size === 0);
      assert.equal(heard, "all of it");
      assert.equal(forwarding.count("stop", "c"), 1);
      forwarding.session.close();
    }));
});

test("port forward holds a target up whose peer acknowledges nothing", () =>
  withTarget((socket) => {
    const write = (): void => {
      while (!socket.destroyed && socket.write(new Uint8Array(65_536)));
    };
    socket.on("drain", write);
    write();
  }, ({ port }) =>
    withRemoteAccess({}, async ({ open: openSession }) => {
      const session = openSession();
      session.send(forwardNewFrame("", "c", { host: "127.0.0.1", port, protocol: "tcp" }));
      assert.equal((await session.next()).type, "new");
      assert.equal((await session.next()).type, "forward");
      await assert.rejects(session.next(300), /timeout/);
      session.send(forwardFrame("ack", "", "c"));
      assert.equal((await session.next()).type, "forward");
      session.send(plainControlFrame("close", ""));
      session.close();
    })));

test("port forward by UDP carries datagrams whole", async () => {
  const echo = createSocket("udp4");
  echo.on("message", (message, from) => echo.send(message, from.port, from.address));
  await new Promise<void>((resolve) => echo.bind(0, "127.0.0.1", () => resolve()));
  try {
    await withRemoteAccess({}, async ({ open, server }) => {
      const forwarding = new Forwarding(open());
      forwarding.open("u", echo.address().port, "udp");
      for (const size of [1, 500, 1400, 6000]) {
        await forwarding.send("u", new Uint8Array(size).fill(size));
        await waitUntil("the echo", () => forwarding.frames.at(-1)?.body.length === size);
      }
      forwarding.stop("u");
      await waitUntil("the stop", () => forwarding.count("stop", "u") === 1);
      assert.deepEqual(server.violations(), []);
      forwarding.session.close();
    });
  } finally {
    await new Promise<void>((resolve) => echo.close(() => resolve()));
  }
});

test("port forward: closing the session cuts its connections, without a word", () =>
  withTarget(listen, ({ port, open }) =>
    withRemoteAccess({}, async ({ open: openSession }) => {
      const forwarding = new Forwarding(openSession());
      for (const id of ["a", "b"]) forwarding.open(id, port);
      await waitUntil("the connections", () => open.size === 2 && forwarding.count("new") === 2);
      forwarding.session.send(plainControlFrame("close", ""));
      await waitUntil("the ends", () => open.size === 0);
      assert.equal(forwarding.count("stop"), 0);
      forwarding.session.close();
    })));

for (
  const [name, frame, why] of [
    [
      "a port where nobody listens",
      forwardNewFrame("", "c", { host: "127.0.0.1", port: 1, protocol: "tcp" }),
      /ECONNREFUSED/,
    ],
    [
      "a name that nobody has",
      forwardNewFrame("", "c", { host: "no.such.host.invalid", port: 1, protocol: "tcp" }),
      /ENOTFOUND|EAI_AGAIN|getaddrinfo|lookup/,
    ],
    [
      "data of an unknown connection",
      forwardFrame("forward", "", "x", text("a")),
      /^unknown connection$/,
    ],
    ["an ack of an unknown connection", forwardFrame("ack", "", "x"), /^unknown connection$/],
    ["a stop of an unknown connection", forwardFrame("stop", "", "x"), /^unknown connection$/],
    [
      "a request without an ID",
      {
        ...forwardNewFrame("", "c", { host: "h", port: 1, protocol: "tcp" as const }),
        properties: {},
      },
      /^invalid port-forward message: missing connection_id/,
    ],
    [
      "a request without a body",
      { protocol: PROTOCOLS.portForward, type: "new", properties: { connection_id: "c" } },
      /^invalid port-forward message: /,
    ],
    [
      "a protocol that nobody knows",
      forwardNewFrame("", "c", { host: "h", port: 1, protocol: "sctp" as "tcp" }),
      /neither tcp nor udp/,
    ],
    [
      "a port beyond all ports",
      forwardNewFrame("", "c", { host: "h", port: 70_000, protocol: "tcp" }),
      /remote_port/,
    ],
    [
      "an unknown type",
      { protocol: PROTOCOLS.portForward, type: "dance", properties: { connection_id: "c" } },
      /^unknown message type$|^unknown connection$/,
    ],
  ] as const
) {
  test(`port forward answers ${name} with the protocol's error`, () =>
    withTarget(
      (socket) => void socket.end("fine"),
      ({ port }) =>
        withRemoteAccess({}, async ({ open, server }) => {
          const forwarding = new Forwarding(open());
          forwarding.session.send(frame);
          const error = await waitUntil(
            "the error",
            () => forwarding.frames.find(({ type }) => type === "error"),
            30_000,
          );
          assert.match(readForwardError(error), why);
          forwarding.open("next", port);
          await waitUntil("the next", () => forwarding.count("stop", "next") === 1);
          assert.equal(new TextDecoder().decode(forwarding.received("next")), "fine");
          assert.deepEqual(server.violations(), []);
          forwarding.session.close();
        }),
    ));
}

test("port forward keeps to its limit of connections", () =>
  withTarget(listen, ({ port, open }) =>
    withRemoteAccess({}, async ({ open: openSession }) => {
      const forwarding = new Forwarding(openSession());
      for (let at = 0; at <= 128; at++) forwarding.open(`${at}`, port);
      await waitUntil("all", () =>
        forwarding.count("new") === 128 && forwarding.count("error") === 1);
      const error = forwarding.frames.find(({ type }) =>
        type === "error"
      );
      assert.equal(readForwardError(error!), "too many connections");
      forwarding.session.send(plainControlFrame("close", ""));
      await waitUntil("the ends", () => open.size === 0);
      forwarding.session.close();
    })));
