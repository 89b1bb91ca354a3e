import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { HttpExchange } from "../../../../lib/testing/mod.ts";
import { waitUntil } from "../../../support/wait.ts";
import { ARTIFACT, ETAG, type Life, SIZE } from "../life.ts";
import type { Group, Row } from "../row.ts";

const MIDDLE = Math.floor(SIZE / 2);

type Headers = Record<string, string>;

/** An Artifact of the same length, of which one byte of the payload is another one. */
const DAMAGED = ARTIFACT.slice();
DAMAGED[SIZE - 20_000]! ^= 0x40;

async function send(
  exchange: HttpExchange,
  status: number,
  headers: Headers,
  body: Uint8Array,
): Promise<void> {
  exchange.start(status, headers);
  await exchange.write(body);
  exchange.end();
}

/** The first request gets the first half; the request for the rest gets this. */
function rest(
  fault: string,
  status: number,
  headers: Headers,
  body: Uint8Array,
  more: Partial<Row> = {},
): Row {
  return {
    fault: `the rest: ${fault}`,
    arm: (life) =>
      life.on("artifact", 2, async (exchange, number) => {
        if (number === 1) await firstHalf(life, exchange);
        else await send(exchange, status, { etag: ETAG, ...headers }, body);
      }),
    ...more,
  };
}

async function firstHalf(life: Life, exchange: HttpExchange): Promise<void> {
  exchange.start(200, { etag: ETAG, "content-length": `${SIZE}` });
  await exchange.write(ARTIFACT.subarray(0, MIDDLE));
  const { partFile } = life.rig.paths;
  await waitUntil(
    "the first half",
    () => statSync(partFile, { throwIfNoEntry: false })?.size === MIDDLE,
  );
  exchange.cut();
}

/** The first answers are these; later ones are right. */
function whole(
  fault: string,
  times: number,
  answer: (exchange: HttpExchange, life: Life) => unknown,
  more: Partial<Row> = {},
): Row {
  return {
    fault,
    arm: (life) => life.on("artifact", times, (exchange) => answer(exchange, life)),
    ...more,
  };
}

const range = (first: number, last: number, total: number | string): Headers => ({
  "content-range": `bytes ${first}-${last}/${total}`,
});
const from = (first: number): Uint8Array => ARTIFACT.subarray(first);

/** Lengths, ranges, tags and redirects that are not what they should be. */
export const RANGES: Group = {
  title: "Lengths, ranges, links",
  rows: [
    whole(
      "the Artifact has no length, and ends early",
      1,
      (exchange) => send(exchange, 200, { etag: ETAG }, ARTIFACT.subarray(0, MIDDLE)),
    ),
    whole(
      "the Artifact has no length",
      1,
      (exchange) => send(exchange, 200, { etag: ETAG }, ARTIFACT),
    ),
    whole(
      "the Artifact is announced shorter than it is",
      1,
      (exchange) =>
        send(exchange, 200, { "content-length": `${MIDDLE}` }, ARTIFACT.subarray(0, MIDDLE)),
    ),
    whole("the Artifact is announced longer than it is", 1, async (exchange) => {
      exchange.start(200, { "content-length": `${SIZE + 10}` });
      await exchange.write(ARTIFACT);
      exchange.cut();
    }),
    whole("the Artifact is announced as 100 terabytes", 9, async (exchange) => {
      exchange.start(200, { "content-length": "109951162777600" });
      await exchange.write(ARTIFACT);
      exchange.cut();
    }, { end: "failure" }),
    whole("the Artifact is empty", 1, (exchange) => exchange.reply(200)),
    whole(
      "an error page in place of the Artifact",
      1,
      (exchange) => exchange.reply(200, {}, "<html>busy</html>"),
    ),
    whole(
      "an error page in place of the Artifact, always",
      99,
      (exchange) => exchange.reply(200, {}, "<html>busy</html>"),
      { end: "failure" },
    ),
    whole(
      "a byte of the Artifact is wrong, once",
      1,
      (exchange) => exchange.reply(200, {}, DAMAGED),
    ),
    whole(
      "a byte of the Artifact is wrong, always",
      99,
      (exchange) => exchange.reply(200, {}, DAMAGED),
      {
        end: "failure",
      },
    ),
    whole(
      "the Artifact has something behind its end",
      2,
      (exchange) =>
        exchange.reply(200, {}, new Uint8Array([...ARTIFACT, ...new Uint8Array(1024).fill(1)])),
      {
        end: "failure",
      },
    ),
    whole("the Artifact has no end", 2, async (exchange) => {
      exchange.start(200, {});
      await exchange.write(ARTIFACT);
      const more = new Uint8Array(65_536).fill(7);
      while (await exchange.write(more));
    }, { end: "failure", isByChance: true }),
    whole(
      "the Artifact comes as gzip, which nobody asked for",
      1,
      (exchange) => exchange.reply(200, { "content-encoding": "gzip" }, gzipSync(ARTIFACT)),
    ),
    whole(
      "a part, although everything was asked for",
      1,
      (exchange) => send(exchange, 206, { ...range(10, SIZE - 1, SIZE), etag: ETAG }, from(10)),
    ),
    whole(
      "a part in place of everything, which is everything",
      1,
      (exchange) => send(exchange, 206, { ...range(0, SIZE - 1, SIZE), etag: ETAG }, ARTIFACT),
    ),

    rest("as asked, total unknown", 206, range(MIDDLE, SIZE - 1, "*"), from(MIDDLE)),
    rest(
      "begins before what was asked",
      206,
      range(MIDDLE - 999, SIZE - 1, SIZE),
      from(MIDDLE - 999),
    ),
    rest(
      "begins behind what was asked",
      206,
      range(MIDDLE + 999, SIZE - 1, SIZE),
      from(MIDDLE + 999),
    ),
    rest("ends before what was asked", 206, range(0, 999, SIZE), ARTIFACT.subarray(0, 1000)),
    rest(
      "ends early, and says so",
      206,
      range(MIDDLE, SIZE - 1001, SIZE),
      ARTIFACT.subarray(MIDDLE, SIZE - 1000),
    ),
    rest("of another total", 206, range(MIDDLE, SIZE + 99, SIZE + 100), from(MIDDLE)),
    rest(
      "of another total, of which no more is sent",
      206,
      range(MIDDLE, SIZE - 1, SIZE + 100),
      from(MIDDLE),
    ),
    rest(
      "of another file",
      206,
      { ...range(MIDDLE, SIZE - 1, SIZE), etag: '"other"' },
      from(MIDDLE),
    ),
    rest("without Content-Range", 206, {}, from(MIDDLE)),
    rest("without Content-Range, from the first byte", 206, {}, ARTIFACT),
    ...[
      "bytes",
      "bytes 5-4/9",
      "bytes -5/9",
      "items 0-1/2",
      `bytes ${MIDDLE}-${SIZE - 1}`,
      "\u00ff",
      "bytes 0-99999999999999999999/*",
    ]
      .map((value) =>
        rest(
          `Content-Range ${JSON.stringify(value)}`,
          206,
          { "content-range": value },
          from(MIDDLE),
        )
      ),
    rest(
      "as several parts",
      206,
      { "content-type": "multipart/byteranges; boundary=x" },
      from(MIDDLE),
    ),
    rest("everything, of the same file", 200, { "content-length": `${SIZE}` }, ARTIFACT),
    rest("everything, of another file", 200, { etag: '"other"' }, ARTIFACT),
    rest(
      "nothing behind that (416)",
      416,
      { "content-range": `bytes */${MIDDLE}` },
      new Uint8Array(),
    ),
    rest(
      "nothing there (416), total right",
      416,
      { "content-range": `bytes */${SIZE}` },
      new Uint8Array(),
    ),
    rest("no content (204)", 204, {}, new Uint8Array()),

    whole("the link has expired", 1, (exchange, life) => {
      life.server.expireLinks();
      return exchange.reply(403, {}, "<Error>expired</Error>");
    }),
    ...redirects(),
    ...redirectedCalls(),
  ],
};

function redirects(): Row[] {
  const to = (
    fault: string,
    location: string | ((life: Life) => string),
    more: Partial<Row> = {},
  ): Row =>
    whole(
      `the link redirects ${fault}`,
      Infinity,
      (exchange, life) =>
        exchange.reply(302, { location: typeof location === "string" ? location : location(life) }),
      more,
    );
  return [
    to("to itself, for ever", "", { end: "failure" }),
    to("to a `file:` address", (life) => {
      // It is there, and right: who follows would install it.
      const path = `${life.rig.root}/other.mender`;
      life.rig.write(path, ARTIFACT);
      return `file://${path}`;
    }, { end: "failure" }),
    to("to a `data:` address", "data:,x", { end: "failure" }),
    to("to no address", "http://[", { end: "failure" }),
    to("from https to http", "http://127.0.0.1:1/x", { end: "failure", schemes: ["https"] }),
  ];
}

/** A server that no request of the device is meant for. */
interface Stranger {
  readonly url: string;
  readonly asked: string[];
  close(): Promise<void>;
}

const strangers = new WeakMap<Life, Stranger>();

/** A redirect of a call to another server: it is not followed, and the token stays here. */
function redirectedCalls(): Row[] {
  return (["next", "status"] as const).map((call): Row => ({
    fault: `${call} redirects to another server, which gets no request`,
    async arm(life) {
      const stranger = await openStranger();
      strangers.set(life, stranger);
      life.on(call, 1, async (exchange) => {
        await exchange.drain();
        await exchange.reply(307, { location: `${stranger.url}/taken` });
      });
    },
    async repair(life) {
      const stranger = strangers.get(life);
      await stranger?.close();
      assert.deepEqual(stranger?.asked, []);
    },
  }));
}

async function openStranger(): Promise<Stranger> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(
      `${request.url} ${request.headers.authorization === undefined ? "" : "with a token"}`,
    );
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
