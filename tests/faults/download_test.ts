import assert from "node:assert/strict";
import type { HttpExchange } from "../../lib/testing/mod.ts";
import { artifactRequests, isArtifactRequest } from "../support/device_rig.ts";
import {
  ARTIFACT,
  assertEnd,
  cutAfter,
  cutInTheMiddle,
  type End,
  firstHalfStored,
  HEAD,
  MIDDLE,
  never,
  offsetOf,
  overHttpAndHttps,
  publish,
  RESUMED,
  sendPart,
  serveWell,
  SIZE,
  stored,
} from "../support/download_faults.ts";

/** What the server does to the n-th request for the Artifact, from 1; `undefined`: serve it well. */
type Fault = (exchange: HttpExchange, request: number) => Promise<unknown> | undefined;

interface Row {
  readonly name: string;
  readonly fault: Fault;
  /** Requests that the server must have seen, each as its range. */
  readonly requests?: readonly string[];
  /** How the deployment ends. */
  readonly end?: End;
  /** What the device's log says. */
  readonly log?: RegExp;
  readonly config?: Readonly<Record<string, unknown>>;
}

const damaged = ARTIFACT.slice();
damaged[MIDDLE]! ^= 4;

/** Sends everything, but has said that there is more. */
async function announceTooMuch(exchange: HttpExchange): Promise<void> {
  exchange.start(200, { ...HEAD, "content-length": `${SIZE + 1000}` });
  await exchange.write(ARTIFACT);
  await stored(SIZE);
  exchange.cut();
}

/** The first request breaks off in the middle; `then` answers the second; the rest is served well. */
function afterABreak(then: (exchange: HttpExchange) => Promise<unknown>): Fault {
  return (exchange, request) =>
    request === 1 ? cutInTheMiddle(exchange) : request === 2 ? then(exchange) : serveWell(exchange);
}

const rows: Row[] = [
  ...[0, 1, MIDDLE, SIZE - 1].flatMap((at): Row[] =>
    ([["FIN", (e: HttpExchange) => e.cut()], ["RST", (e: HttpExchange) => e.reset()]] as const).map(
      ([name, end]): Row => ({
        name: `${name} after ${at === SIZE - 1 ? "all but one byte" : `${at} bytes`}`,
        fault: (exchange, request) =>
          request === 1 ? cutAfter(exchange, at, end) : sendPart(exchange, offsetOf(exchange)),
      }),
    )
  ),
  {
    name: "a connection that is cut before the head",
    fault: (exchange, request) => request <= 2 ? Promise.resolve(exchange.reset()) : undefined,
    requests: ["whole", "whole", "whole"],
  },
  {
    name: "silence instead of a head",
    fault: (_, request) => request === 1 ? Promise.resolve() : undefined,
    requests: ["whole", "whole"],
    log: /Nothing arrived for 30 s, after 0 bytes/,
  },
  {
    name: "silence in the middle of the body",
    fault: (exchange, request) =>
      request === 1 ? cutAfter(exchange, MIDDLE, () => {}) : sendPart(exchange, offsetOf(exchange)),
    requests: RESUMED,
    log: new RegExp(`Nothing arrived for 30 s, after ${MIDDLE} bytes`),
  },
  {
    name: "a server that ignores ranges, and vouches for the file by its tag",
    fault: afterABreak((e) => e.reply(200, HEAD, ARTIFACT)),
    requests: RESUMED,
  },
  {
    name: "a server that ignores ranges, without a tag",
    fault: (exchange, request) => {
      if (request > 1) return exchange.reply(200, {}, ARTIFACT);
      exchange.start(200, { "content-length": `${SIZE}` });
      return exchange.write(ARTIFACT.subarray(0, MIDDLE))
        .then(firstHalfStored).then(() => exchange.cut());
    },
    requests: RESUMED,
    log: /The download starts again/,
  },
  {
    name: "a range that begins too early",
    fault: afterABreak((e) => sendPart(e, MIDDLE - 1000)),
    requests: RESUMED,
  },
  {
    name: "a range that begins too late",
    fault: afterABreak((e) => sendPart(e, MIDDLE + 1000)),
    requests: [...RESUMED, `bytes=${MIDDLE}-`],
    log: /sent bytes from/,
  },
  {
    name: "a garbled Content-Range",
    fault: afterABreak((e) => sendPart(e, MIDDLE, { "content-range": "bytes half of it" })),
    requests: [...RESUMED, `bytes=${MIDDLE}-`],
  },
  {
    name: "a part that nobody asked for",
    fault: (exchange, request) =>
      request > 1 ? sendPart(exchange, offsetOf(exchange)) : exchange.reply(206, {
        ...HEAD,
        "content-range": `bytes 0-${MIDDLE - 1}/${SIZE}`,
      }, ARTIFACT.subarray(0, MIDDLE)),
    requests: RESUMED,
  },
  {
    name: "another file of the same size",
    fault: (exchange, request) =>
      request === 1
        ? cutInTheMiddle(exchange)
        : request === 2
        ? sendPart(exchange, MIDDLE, { etag: '"other"' })
        : exchange.reply(200, { ...HEAD, etag: '"other"' }, ARTIFACT),
    requests: [...RESUMED, "whole"],
    log: /the file has changed/,
  },
  {
    name: "another file of another size",
    fault: (exchange, request) =>
      request === 1
        ? cutInTheMiddle(exchange)
        : request === 2
        ? sendPart(exchange, MIDDLE, { "content-range": `bytes ${MIDDLE}-${SIZE - 1}/${SIZE + 1}` })
        : exchange.reply(200, HEAD, ARTIFACT),
    requests: [...RESUMED, "whole"],
  },
  {
    name: "a range of other bytes than it says",
    fault: afterABreak((e) =>
      e.reply(206, {
        ...HEAD,
        "content-range": `bytes ${MIDDLE}-${SIZE - 1}/${SIZE}`,
      }, ARTIFACT.subarray(0, SIZE - MIDDLE))
    ),
    requests: [...RESUMED, "whole"],
    log: /The Artifact is damaged; fetching it anew, once/,
  },
  {
    name: "a range that is longer than it says",
    fault: afterABreak((e) =>
      sendPart(e, MIDDLE, { "content-range": `bytes ${MIDDLE}-${SIZE - 1001}/${SIZE}` })
    ),
    requests: [...RESUMED, `bytes=${MIDDLE}-`],
    log: /bytes were announced for the range/,
  },
  {
    name: "too short a length, once",
    fault: (exchange, request) =>
      request === 1 ? exchange.reply(200, HEAD, ARTIFACT.subarray(0, MIDDLE)) : undefined,
    requests: ["whole", "whole"],
    log: /The Artifact is damaged; fetching it anew, once.*ends/,
  },
  {
    name: "too short a length, always",
    fault: (exchange) => exchange.reply(200, HEAD, ARTIFACT.subarray(0, MIDDLE)),
    requests: ["whole", "whole"],
    end: "failed",
    log: /Cannot read the Artifact: .* ends/,
  },
  {
    name: "too long a length, once",
    fault: (exchange, request) => request === 1 ? announceTooMuch(exchange) : serveWell(exchange),
    requests: ["whole", `bytes=${SIZE}-`, "whole"],
    log: /broke off after/,
  },
  {
    name: "too long a length, always",
    fault: (exchange) =>
      exchange.headers.has("range") ? serveWell(exchange) : announceTooMuch(exchange),
    config: { DownloadMaxTries: 5 },
    requests: ["whole", `bytes=${SIZE}-`, "whole", `bytes=${SIZE}-`, "whole"],
    end: "failed",
    log: /gave up after 5 requests/,
  },
  {
    name: "416 in the middle of the file",
    fault: afterABreak((e) => e.reply(416, { "content-range": `bytes */${SIZE}` })),
    requests: [...RESUMED, "whole"],
    log: /are stored, and the server has none behind them/,
  },
  {
    name: "403 for ever, by the new links too",
    fault: (exchange) => exchange.reply(403),
    config: { DownloadMaxTries: 3 },
    requests: ["whole", "whole", "whole"],
    end: "failed",
    log: /gave up after 3 requests/,
  },
  {
    name: "chunks without a length",
    fault: async (exchange) => {
      exchange.start(200, {});
      for (let at = 0; at < SIZE; at += 30_000) {
        await exchange.write(ARTIFACT.subarray(at, at + 30_000));
      }
      exchange.end();
    },
    requests: ["whole"],
  },
  {
    name: "chunks without a length that break off",
    fault: async (exchange, request) => {
      if (request > 1) return await exchange.reply(200, {}, ARTIFACT);
      exchange.start(200, {});
      await exchange.write(ARTIFACT.subarray(0, MIDDLE));
      await firstHalfStored();
      exchange.cut();
    },
    requests: RESUMED,
  },
  {
    name: "404 once: the link is renewed",
    fault: (exchange, request) => request === 1 ? exchange.reply(404) : undefined,
    requests: ["whole", "whole"],
    log: /asking for another/,
  },
  ...[408, 500, 503].map((status): Row => ({
    name: `${status} twice`,
    fault: (exchange, request) => request <= 2 ? exchange.reply(status) : undefined,
    requests: ["whole", "whole", "whole"],
  })),
  {
    name: "429 with Retry-After in seconds",
    fault: (exchange, request) =>
      request === 1 ? exchange.reply(429, { "retry-after": "17" }) : undefined,
    requests: ["whole", "whole"],
    log: /going on in 17\.0 s/,
  },
  {
    name: "503 with Retry-After as a date",
    fault: (exchange, request) =>
      request === 1
        ? exchange.reply(503, { "retry-after": new Date(Date.now() + 20_000).toUTCString() })
        : undefined,
    requests: ["whole", "whole"],
    log: /going on in (1[89]|20)\.\d s/,
  },
  ...[400, 401, 405, 410, 451].map((status): Row => ({
    name: `${status}`,
    fault: (exchange) => exchange.reply(status),
    requests: ["whole"],
    end: "failed",
    log: new RegExp(`Cannot download the Artifact: the server answered ${status}`),
  })),
  {
    name: "500 for ever",
    fault: (exchange) => exchange.reply(500),
    config: { DownloadMaxTries: 3 },
    requests: ["whole", "whole", "whole"],
    end: "failed",
    log: /gave up after 3 requests/,
  },
  {
    name: "silence for ever",
    fault: () => Promise.resolve(),
    config: { DownloadGiveUpSeconds: 70 },
    end: "failed",
    log: /gave up/,
  },
  {
    name: "a flipped bit, once",
    fault: (exchange, request) => request === 1 ? exchange.reply(200, HEAD, damaged) : undefined,
    requests: ["whole", "whole"],
    log: /The Artifact is damaged; fetching it anew, once/,
  },
  {
    name: "a flipped bit, always",
    fault: (exchange) => exchange.reply(200, HEAD, damaged),
    requests: ["whole", "whole"],
    end: "failed",
  },
  {
    name: "an error page of 200",
    fault: (exchange) => exchange.reply(200, {}, "<html>Sign in to the hotel's network</html>"),
    requests: ["whole", "whole"],
    end: "failed",
  },
  {
    name: "more than was announced in the range",
    fault: afterABreak(async (e) => {
      e.start(206, { ...HEAD, "content-range": `bytes ${MIDDLE}-${SIZE - 1}/${SIZE}` });
      await e.write(ARTIFACT.subarray(MIDDLE));
      await e.write(ARTIFACT.subarray(0, 5000));
      e.end();
    }),
  },
  {
    name: "a redirect to a file: address",
    fault: (exchange) => exchange.reply(302, { location: "file:///etc/passwd" }),
    requests: ["whole"],
    end: "failed",
    log: /a file: address/,
  },
];

for (const row of rows) {
  const { name, end = "handed-over", config, fault } = row;
  overHttpAndHttps(`${name} ends ${end}`, { ...(config && { config }) }, async (server, open) => {
    const rigged = await open();
    const id = await publish(server, rigged);
    let requests = 0;
    server.setInterceptor(async (exchange) => {
      if (!isArtifactRequest(exchange)) return false;
      const handled = fault(exchange, ++requests);
      await handled;
      return handled !== undefined;
    });
    const result = await rigged.device.checkUpdate(never);
    assert.equal(result, end, rigged.log());
    if (row.requests) assert.deepEqual(artifactRequests(server), row.requests, rigged.log());
    if (row.log) assert.match(rigged.log(), row.log);
    await assertEnd(server, id, rigged, end);
  });
}
