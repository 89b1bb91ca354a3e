import { strict as assert } from "node:assert";
import { isMenderError } from "../../../lib/core/errors.ts";
import type {
  WebSocketConnection,
  WebSocketRefusal,
} from "../../../lib/runtime/websocket/websocket_driver.ts";
import { tlsReason } from "../../../lib/runtime/http/tls_failure.ts";
import { TestAuthority } from "../../support/certificates.ts";
import { withProxy } from "../../support/connect_proxy.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";
import { withWebSocketPeer } from "../../support/websocket_peer.ts";

const PROTOCOL = "protomsg/msgpack";

/** A server that sends every message back. */
async function echo(connection: WebSocketConnection): Promise<void> {
  for await (const message of connection.messages) connection.send(message);
}

async function next(connection: WebSocketConnection): Promise<Uint8Array | undefined> {
  for await (const message of connection.messages) return Uint8Array.from(message);
  return undefined;
}

/** Runs a body with both ends of a connection. */
function withBothEnds(
  body: (connection: WebSocketConnection, server: WebSocketConnection) => Promise<void>,
): Promise<void> {
  let server: WebSocketConnection | undefined;
  return withWebSocketPeer({
    onUpgrade: async (upgrade) => void (server = await upgrade.accept(1 << 20, PROTOCOL)),
  }, async (peer) => {
    const connection = await peer.connect();
    await waitUntil("the server", () => server !== undefined);
    await body(connection, server!);
  });
}

const authority = new TestAuthority();

for (const scheme of ["http", "https"] as const) {
  const tls = scheme === "https" ? { tls: authority.issue() } : {};
  const http = { caCertificates: [authority.certificate] };

  test(`WebSocketDriver over ${scheme} sends and gets messages of any size, in order`, () => {
    const seen: string[] = [];
    return withWebSocketPeer({
      ...tls,
      async onUpgrade(upgrade) {
        seen.push(`${upgrade.headers.get("authorization")} ${upgrade.target}`);
        seen.push(String(upgrade.headers.get("sec-websocket-protocol")));
        await echo(await upgrade.accept(8 << 20, PROTOCOL));
      },
    }, async (peer) => {
      const connection = await peer.connect({ http, headers: { authorization: "Bearer x" } });
      const sizes = [0, 1, 125, 126, 4096, 65_535, 65_536, 1 << 20];
      for (const size of sizes) connection.send(new Uint8Array(size).fill(size & 0xff));
      for (const size of sizes) {
        assert.deepEqual(await next(connection), new Uint8Array(size).fill(size & 0xff));
      }
      assert.deepEqual(seen, [
        "Bearer x /api/devices/v1/deviceconnect/connect",
        "undefined",
      ]);
    });
  });

  test(`WebSocketDriver over ${scheme} tells the status of a refusal`, () =>
    withWebSocketPeer({
      ...tls,
      onUpgrade: (upgrade) => Promise.resolve(upgrade.refuse(401, {}, "no")),
    }, async (peer) => {
      await assert.rejects(peer.connect({ http }), (error) => {
        assert.ok(isMenderError(error, "runtime.websocket-refused"), String(error));
        assert.equal((error as WebSocketRefusal).status, 401);
        return true;
      });
    }));

  test(`WebSocketDriver over ${scheme} notices that the connection is cut`, () =>
    withWebSocketPeer({
      ...tls,
      onUpgrade: async (upgrade) => {
        const connection = await upgrade.accept(1 << 20, PROTOCOL);
        await next(connection);
        connection.cut();
      },
    }, async (peer) => {
      const connection = await peer.connect({ http });
      connection.send(Uint8Array.of(1));
      assert.equal((await connection.closed).code, 1006);
      assert.equal(await next(connection), undefined);
      assert.equal(connection.isOpen, false);
    }));

  test(`WebSocketDriver over ${scheme} goes through a proxy, with user and password`, () =>
    withProxy({ login: "anna:s3cret" }, (proxy) =>
      withWebSocketPeer({
        ...tls,
        onUpgrade: async (upgrade) => await echo(await upgrade.accept(1 << 20, PROTOCOL)),
      }, async (peer) => {
        const { port } = new URL(peer.url);
        const through = (login: string) => {
          const address = `http://${login}@${proxy.host}`;
          return peer.connect({
            url: `${scheme}://mender.example:${port}/x`,
            http: { ...http, proxy: { http: address, https: address } },
          });
        };
        const connection = await through("anna:s3cret");
        connection.send(Uint8Array.of(7));
        assert.deepEqual(await next(connection), Uint8Array.of(7));
        assert.deepEqual(proxy.asked, [`CONNECT mender.example:${port}`]);
        await assert.rejects(
          through("anna:wrong"),
          (error) => isMenderError(error, "runtime.proxy-refused"),
        );
      })));
}

test("WebSocketDriver refuses a server that is not trusted, and takes it with skipVerify", () =>
  withWebSocketPeer({
    tls: authority.issue(),
    onUpgrade: async (upgrade) => await echo(await upgrade.accept(1 << 20, PROTOCOL)),
  }, async (peer) => {
    await assert.rejects(peer.connect(), (error) => tlsReason(error) === "unknown-authority");
    const connection = await peer.connect({ http: { skipVerify: true } });
    connection.send(Uint8Array.of(1));
    assert.deepEqual(await next(connection), Uint8Array.of(1));
  }));

test("WebSocketDriver refuses a certificate for another name", () =>
  withWebSocketPeer({
    tls: authority.issue({ names: ["other.example"] }),
    onUpgrade: (upgrade) => Promise.resolve(upgrade.cut()),
  }, async (peer) => {
    const http = { caCertificates: [authority.certificate] };
    await assert.rejects(peer.connect({ http }), (error) => tlsReason(error) === "wrong-name");
  }));

test("WebSocketDriver ends a connection whose peer sends too large a message, with 1009", () => {
  let server: WebSocketConnection | undefined;
  return withWebSocketPeer({
    onUpgrade: async (upgrade) => {
      server = await upgrade.accept(1 << 20, PROTOCOL);
      server.send(new Uint8Array(64 << 20));
    },
  }, async (peer) => {
    const connection = await peer.connect({ maxMessageBytes: 1 << 20 });
    assert.equal(await next(connection), undefined);
    assert.match(String((await connection.closed).error), /size/);
    assert.equal((await server!.closed).code, 1009);
  });
});

test("WebSocketDriver hears pings and pongs", () =>
  withBothEnds(async (connection, server) => {
    let heard = 0;
    const stop = connection.onHeard(() => heard++);
    server.ping("60");
    await waitUntil("a ping", () => heard === 1);
    connection.ping("60");
    await waitUntil("a pong", () => heard === 2);
    stop();
  }));

test("WebSocketDriver tells when a peer does not read, and when it does again", () => {
  let server: WebSocketConnection | undefined;
  return withWebSocketPeer({
    onUpgrade: async (upgrade) => void (server = await upgrade.accept(1 << 20, PROTOCOL)),
  }, async (peer) => {
    const connection = await peer.connect();
    const count = 64;
    for (let sent = 0; sent < count; sent++) connection.send(new Uint8Array(1 << 20).fill(sent));
    let isDrained = false;
    const drained = connection.drained(0).then(() => isDrained = true);
    await waitUntil("the server", () => server !== undefined);
    assert.ok(connection.queuedBytes > 0);
    assert.equal(isDrained, false);
    let received = 0;
    for await (const message of server!.messages) {
      assert.equal(message[0], received);
      if (++received === count) break;
    }
    await drained;
    assert.equal(connection.queuedBytes, 0);
  });
});

test("WebSocketConnection.each() hands over all messages in order, one at a time", () =>
  withWebSocketPeer({
    onUpgrade: async (upgrade) => await echo(await upgrade.accept(1 << 20, PROTOCOL)),
  }, async (peer) => {
    const connection = await peer.connect();
    const count = 300;
    const seen: number[] = [];
    let isBusy = false;
    let nextSent = 0;
    const sendSome = (): void => {
      for (let some = 0; some < 3; some++) connection.send(Uint8Array.of(nextSent++ & 0xff));
    };
    sendSome();
    await connection.each((message) => {
      assert.equal(isBusy, false);
      seen.push(message[0]!);
      if (nextSent < count) sendSome();
      if (seen.length === count) connection.close(1000, "done");
      if (seen.length % 5 !== 0) return;
      isBusy = true;
      return new Promise((resolve) =>
        setTimeout(() => {
          isBusy = false;
          resolve();
        }, 1)
      );
    });
    assert.deepEqual(seen.slice(0, count), Array.from({ length: count }, (_, at) => at & 0xff));
    assert.equal((await connection.closed).code, 1000);
  }));

test("WebSocketConnection.each() leaves the network alone while a message is dealt with", () =>
  withBothEnds(async (connection, server) => {
    let goOn = (): void => {};
    let taken = 0;
    const done = connection.each(() => {
      if (++taken === 1) return new Promise<void>((resolve) => goOn = resolve);
      if (taken === 64) connection.close(1000, "done");
    });
    for (let sent = 0; sent < 64; sent++) server.send(new Uint8Array(1 << 20));
    await waitUntil("the first", () => taken === 1);
    const held = (): number => server.queuedBytes;
    let before = -1;
    await waitUntil("the server to be held up", async () => {
      before = held();
      await new Promise((resolve) => setTimeout(resolve, 100));
      return held() === before;
    });
    assert.ok(before > 16 << 20, `only ${before} bytes wait`);
    goOn();
    await done;
    assert.equal(taken, 64);
  }));

test("WebSocketConnection.each() rejects with what is thrown, and hands over no more", () =>
  withWebSocketPeer({
    onUpgrade: async (upgrade) => await echo(await upgrade.accept(1 << 20, PROTOCOL)),
  }, async (peer) => {
    const connection = await peer.connect();
    for (const late of [false, true]) {
      let taken = 0;
      const each = connection.each(() => {
        taken++;
        if (late) return Promise.reject(new Error("enough"));
        throw new Error("enough");
      });
      for (let sent = 0; sent < 3; sent++) connection.send(Uint8Array.of(sent));
      await assert.rejects(each, /enough/);
      assert.equal(taken, 1);
      for (let left = 1; left < 3; left++) {
        assert.deepEqual(await next(connection), Uint8Array.of(left));
      }
    }
  }));

test("WebSocketDriver closes with a status that the peer gets to see", () =>
  withBothEnds(async (connection, server) => {
    connection.close(1000, "done");
    assert.equal((await connection.closed).code, 1000);
    const end = await server.closed;
    assert.deepEqual([end.code, end.reason], [1000, "done"]);
  }));

test("WebSocketDriver gives up at its limit, and when it is told to", () =>
  withWebSocketPeer({ onUpgrade: () => Promise.resolve() }, async (peer) => {
    await assert.rejects(
      peer.connect({ handshakeLimitMs: 50 }),
      (error) => isMenderError(error, "runtime.stalled"),
    );
    const controller = new AbortController();
    const attempt = peer.connect({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await assert.rejects(attempt, /enough/);
  }));

test("WebSocketDriver rejects where nobody listens", async () => {
  await assert.rejects(
    withWebSocketPeer(
      { onUpgrade: () => Promise.resolve() },
      async (peer) => void await peer.connect({ url: "http://127.0.0.1:1/" }),
    ),
    /ECONNREFUSED/,
  );
});
