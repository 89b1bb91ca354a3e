import assert from "node:assert/strict";
import type {
  HttpDriver,
  HttpDriverOptions,
  HttpRequest,
} from "../../../lib/runtime/http/http_driver.ts";
import type { HttpExchange } from "../../../lib/runtime/http/http_exchange.ts";
import { listenHttp } from "../../../lib/runtime/http/http_server.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { makeServerIdentity } from "../../../lib/testing/server/tls/server_identity.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const drivers = await hostDrivers();
const identity = makeServerIdentity(drivers, undefined, "127.0.0.1");

/** Runs a body with a client and a real server, plain or with TLS. */
async function withPeer(
  answer: (exchange: HttpExchange) => Promise<void>,
  body: (send: HttpDriver["send"], url: string) => Promise<void>,
  options: { tls?: boolean; client?: HttpDriverOptions; host?: string } = {},
): Promise<void> {
  const server = await listenHttp({
    host: options.host ?? "127.0.0.1",
    port: 0,
    tls: options.tls === true ? identity : undefined,
    onExchange: answer,
    onError: () => {},
  });
  const client = await drivers.http(options.client ?? { caCertificates: [identity.caCertificate] });
  try {
    const scheme = options.tls === true ? "https" : "http";
    await body((request) => client.send(request), `${scheme}://127.0.0.1:${server.port}`);
  } finally {
    client.close();
    await server.close();
  }
}

/** Never struck in a test that passes: a hang fails within seconds instead of never. */
const patience = (): AbortSignal => AbortSignal.timeout(10_000);

const get = (url: string, more: Partial<HttpRequest> = {}): HttpRequest => ({
  method: "GET",
  url,
  signal: patience(),
  ...more,
});

async function readAll(stream: ReadableStream<Uint8Array>): Promise<number[]> {
  return [...new Uint8Array(await new Response(stream).arrayBuffer())];
}

for (const tls of [false, true]) {
  const over = tls ? "over TLS" : "in plain HTTP";

  test(`HttpDriver sends and receives bytes exactly, ${over}`, async () => {
    const sent = new Uint8Array(70_000).map((_, at) => at % 256);
    let seen: HttpExchange | undefined;
    let body = new Uint8Array();
    await withPeer(async (exchange) => {
      seen = exchange;
      body = new Uint8Array(await exchange.body(1 << 20));
      await exchange.reply(201, { "X-Mixed-Case": "Value" }, new Uint8Array([0, 13, 10, 255]));
    }, async (send, url) => {
      const headers = { "content-type": "application/json", "x-men-signature": "c2ln" };
      const response = await send({
        method: "PUT",
        url: `${url}/path?a=b%20c`,
        headers,
        body: sent,
        signal: patience(),
      });
      assert.equal(response.status, 201);
      assert.equal(response.headers.get("x-mixed-case"), "Value");
      assert.equal(response.headers.get("content-length"), "4");
      assert.deepEqual(await readAll(response.body!), [0, 13, 10, 255]);
    }, { tls });
    assert.deepEqual(body, sent);
    assert.deepEqual([seen?.method, seen?.target], ["PUT", "/path?a=b%20c"]);
    assert.equal(seen?.headers.get("content-length"), "70000");
    assert.equal(seen?.headers.get("x-men-signature"), "c2ln");
    assert.equal(seen?.headers.get("accept-encoding"), "identity");
  });

  test(`HttpDriver notices that the connection is cut in mid-body, ${over}`, async () => {
    await withPeer(async (exchange) => {
      exchange.start(200, { "content-length": "1000000" });
      await exchange.write(new Uint8Array(300_000));
      exchange.cut();
    }, async (send, url) => {
      for (let round = 0; round < 5; round++) {
        const signal = patience();
        const response = await send(get(url, { signal }));
        await assert.rejects(readAll(response.body!));
        assert.equal(signal.aborted, false, "the cut was only noticed by the deadline");
      }
    }, { tls });
  });

  test(`HttpDriver notices that the connection is cut before the head, ${over}`, async () => {
    await withPeer((exchange) => Promise.resolve(exchange.cut()), async (send, url) => {
      const signal = patience();
      await assert.rejects(send(get(url, { signal })));
      assert.equal(signal.aborted, false);
    }, { tls });
  });

  test(`HttpDriver ends a request with the reason when it is aborted in mid-body, ${over}`, async () => {
    let isGone = false;
    await withPeer(async (exchange) => {
      exchange.ended.addEventListener("abort", () => isGone = true);
      exchange.start(200, {});
      await exchange.write(new Uint8Array(10));
    }, async (send, url) => {
      const controller = new AbortController();
      const response = await send(get(url, { signal: controller.signal }));
      const reader = response.body!.getReader();
      assert.equal((await reader.read()).value?.length, 10);
      const reading = reader.read();
      controller.abort(new Error("enough"));
      await assert.rejects(reading);
      await waitUntil("the end of the connection", () => isGone);
    }, { tls });
  });
}

test("HttpDriver ends a request that gets no answer when it is aborted", async () => {
  await withPeer(() => Promise.resolve(), async (send, url) => {
    const controller = new AbortController();
    const sending = send(get(url, { signal: controller.signal }));
    controller.abort(new Error("enough"));
    await assert.rejects(sending, /enough/);
    await assert.rejects(send(get(url, { signal: controller.signal })), /enough/);
  });
});

for (const status of [301, 302, 303, 307, 308]) {
  test(`HttpDriver does not follow a redirect ${status}`, async () => {
    const targets: string[] = [];
    await withPeer(async (exchange) => {
      targets.push(exchange.target);
      await exchange.reply(status, { location: "/elsewhere" }, "moved");
    }, async (send, url) => {
      const response = await send(get(`${url}/here`));
      assert.equal(response.status, status);
      assert.equal(response.headers.get("location"), "/elsewhere");
      await response.body?.cancel();
    });
    assert.deepEqual(targets, ["/here"]);
  });
}

test("HttpDriver gives an empty body for an answer without one", async () => {
  await withPeer((exchange) => exchange.reply(204), async (send, url) => {
    const response = await send(get(url));
    const { status, body } = response;
    assert.deepEqual([status, body === undefined ? [] : await readAll(body)], [204, []]);
  });
});

test("HttpDriver gives answers of an error status like all others", async () => {
  await withPeer(
    (exchange) => exchange.reply(503, { "retry-after": "7" }, "busy"),
    async (send, url) => {
      const response = await send(get(url));
      assert.deepEqual([response.status, response.headers.get("retry-after")], [503, "7"]);
      assert.equal(new TextDecoder().decode(new Uint8Array(await readAll(response.body!))), "busy");
    },
  );
});

test("HttpDriver rejects when nobody listens", async () => {
  let url = "";
  await withPeer((exchange) => exchange.reply(200), (_send, at) => {
    url = at;
    return Promise.resolve();
  });
  const client = await drivers.http({});
  await assert.rejects(client.send(get(url)));
  client.close();
});

const trusts: [name: string, client: HttpDriverOptions, isTrusted: boolean][] = [
  ["an authority it does not know", {}, false],
  ["an authority that it was told of", { caCertificates: [identity.caCertificate] }, true],
  ["any certificate when told to skip the check", { skipVerify: true }, true],
];
for (const [name, client, isTrusted] of trusts) {
  test(`HttpDriver ${isTrusted ? "accepts" : "refuses"} ${name}`, async () => {
    let asked = 0;
    await withPeer(async (exchange) => {
      asked++;
      await exchange.reply(200, {}, "hello");
    }, async (send, url) => {
      if (isTrusted) {
        const response = await send(get(url));
        assert.equal((await readAll(response.body!)).length, 5);
      } else await assert.rejects(send(get(url)));
    }, { tls: true, client });
    assert.equal(asked, isTrusted ? 1 : 0);
  }, client.skipVerify === true ? { leaks: "undici's own timer runs out later" } : {});
}

test("HttpDriver refuses a certificate for another name", async () => {
  let asked = 0;
  await withPeer(async (exchange) => {
    asked++;
    await exchange.reply(200);
  }, async (send, url) => {
    // Reaches the same server, but is not in its certificate.
    await assert.rejects(send(get(url.replace("127.0.0.1", "127.0.0.2"))));
    await (await send(get(url))).body?.cancel();
  }, { tls: true, host: "0.0.0.0" });
  assert.equal(asked, 1);
});
