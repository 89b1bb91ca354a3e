import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import type { HttpExchange, MenderServer } from "../../lib/testing/mod.ts";
import { rigArtifact } from "../support/client_rig.ts";
import {
  artifactRequests,
  type DeviceRig,
  isArtifactRequest,
  withDeviceRoot,
} from "../support/device_rig.ts";
import { test as registerTest } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

// The sub-updater is let go of on purpose, so that it outlives its client.
const test = (name: string, body: () => Promise<void>): void =>
  registerTest(name, body, { leaks: "the sub-updater outlives its client" });

/** Large enough for several chunks, small enough for many rows. */
const ARTIFACT = rigArtifact("release-2", 400_000);
const SIZE = ARTIFACT.length;
const MIDDLE = Math.floor(SIZE / 2);
const HEAD = {
  etag: '"tag"',
  "last-modified": "Sun, 06 Nov 1994 08:49:37 GMT",
  "accept-ranges": "bytes",
};

/** What the server does to the n-th request for the Artifact, from 1; `undefined`: serve it well. */
type Fault = (exchange: HttpExchange, request: number) => Promise<unknown> | undefined;

interface Row {
  readonly name: string;
  readonly fault: Fault;
  /** Requests that the server must have seen, each as its range. */
  readonly requests?: readonly string[];
  /** How the deployment ends. */
  readonly end?: "handed-over" | "failed" | "gone";
  /** What the device's log says. */
  readonly log?: RegExp;
  readonly config?: Readonly<Record<string, unknown>>;
}

function offsetOf(exchange: HttpExchange): number {
  return Number(/^bytes=(\d+)-$/.exec(exchange.headers.get("range") ?? "")?.[1] ?? 0);
}

/** Sends bytes under a head that announces more, then ends the connection in a way of its own. */
async function cutAfter(
  exchange: HttpExchange,
  bytes: number,
  end: (exchange: HttpExchange) => void,
): Promise<void> {
  exchange.start(200, { ...HEAD, "content-length": `${SIZE}` });
  if (bytes > 0) await exchange.write(ARTIFACT.subarray(0, bytes));
  end(exchange);
}

async function sendPart(
  exchange: HttpExchange,
  first: number,
  headers: Record<string, string> = {},
): Promise<void> {
  await exchange.reply(206, {
    ...HEAD,
    "content-range": `bytes ${first}-${SIZE - 1}/${SIZE}`,
    ...headers,
  }, ARTIFACT.subarray(first));
}

/** Where the client of the running test stores what has arrived; one test runs at a time. */
let partFile = "";

/** Cuts the connection once the first half is stored: what is in flight at a cut may or may not arrive. */
const cutInTheMiddle: Fault = (exchange) =>
  cutAfter(exchange, MIDDLE, () => {}).then(() => firstHalfStored()).then(() => exchange.cut());

function firstHalfStored(): Promise<unknown> {
  return waitUntil(
    "the first half",
    () => existsSync(partFile) && statSync(partFile).size === MIDDLE,
  );
}

const damaged = ARTIFACT.slice();
damaged[MIDDLE]! ^= 4;

/** The first request breaks off in the middle; `then` answers the second; the rest is served well. */
function afterABreak(then: (exchange: HttpExchange) => Promise<unknown>): Fault {
  return (exchange, request) =>
    request === 1
      ? cutInTheMiddle(exchange, 1)
      : request === 2
      ? then(exchange)
      : sendPart(exchange, offsetOf(exchange));
}

const resumed = ["whole", `bytes=${MIDDLE}-`];

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
    requests: resumed,
    log: new RegExp(`Nothing arrived for 30 s, after ${MIDDLE} bytes`),
  },
  {
    name: "a server that ignores ranges, and vouches for the file by its tag",
    fault: afterABreak((e) => e.reply(200, HEAD, ARTIFACT)),
    requests: resumed,
  },
  {
    name: "a server that ignores ranges, without a tag",
    fault: (exchange, request) => {
      if (request > 1) return exchange.reply(200, {}, ARTIFACT);
      exchange.start(200, { "content-length": `${SIZE}` });
      return exchange.write(ARTIFACT.subarray(0, MIDDLE))
        .then(firstHalfStored).then(() => exchange.cut());
    },
    requests: resumed,
    log: /The download starts again/,
  },
  {
    name: "a range that begins too early",
    fault: afterABreak((e) => sendPart(e, MIDDLE - 1000)),
    requests: resumed,
  },
  {
    name: "a range that begins too late",
    fault: afterABreak((e) => sendPart(e, MIDDLE + 1000)),
    requests: [...resumed, `bytes=${MIDDLE}-`],
    log: /sent bytes from/,
  },
  {
    name: "a garbled Content-Range",
    fault: afterABreak((e) => sendPart(e, MIDDLE, { "content-range": "bytes half of it" })),
    requests: [...resumed, `bytes=${MIDDLE}-`],
  },
  {
    name: "a part that nobody asked for",
    fault: (exchange, request) =>
      request > 1 ? sendPart(exchange, offsetOf(exchange)) : exchange.reply(206, {
        ...HEAD,
        "content-range": `bytes 0-${MIDDLE - 1}/${SIZE}`,
      }, ARTIFACT.subarray(0, MIDDLE)),
    requests: resumed,
  },
  {
    name: "another file of the same size",
    fault: (exchange, request) =>
      request === 1
        ? cutInTheMiddle(exchange, 1)
        : request === 2
        ? sendPart(exchange, MIDDLE, { etag: '"other"' })
        : exchange.reply(200, { ...HEAD, etag: '"other"' }, ARTIFACT),
    requests: [...resumed, "whole"],
    log: /the file has changed/,
  },
  {
    name: "another file of another size",
    fault: (exchange, request) =>
      request === 1
        ? cutInTheMiddle(exchange, 1)
        : request === 2
        ? sendPart(exchange, MIDDLE, { "content-range": `bytes ${MIDDLE}-${SIZE - 1}/${SIZE + 1}` })
        : exchange.reply(200, HEAD, ARTIFACT),
    requests: [...resumed, "whole"],
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
    requests: resumed,
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
  {
    name: "410",
    fault: (exchange) => exchange.reply(410),
    requests: ["whole"],
    end: "failed",
    log: /Cannot download the Artifact: the server answered 410/,
  },
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

for (const tls of [false, true]) {
  for (const row of rows) {
    const end = row.end ?? "handed-over";
    test(`download over ${tls ? "https" : "http"}: ${row.name} ends ${end}`, async () => {
      await withServer({ autoAccept: true, tls }, async (server) => {
        await withDeviceRoot(
          server,
          { ...(row.config && { config: row.config }) },
          async (open) => {
            const rigged = await open();
            const id = await publish(server, rigged);
            let requests = 0;
            server.setInterceptor(async (exchange) => {
              if (!isArtifactRequest(exchange)) return false;
              const handled = row.fault(exchange, ++requests);
              await handled;
              return handled !== undefined;
            });
            const result = await rigged.device.checkUpdate(new AbortController().signal);
            assert.equal(result, end, rigged.log());
            if (row.requests) {
              assert.deepEqual(artifactRequests(server), row.requests, rigged.log());
            }
            if (row.log) {
              assert.match(rigged.log(), row.log);
            }
            await assertEnd(server, id, rigged, end);
          },
        );
      });
    });
  }
}

async function publish(server: MenderServer, { device, rig }: DeviceRig): Promise<string> {
  partFile = rig.paths.partFile;
  await server.uploadArtifact(ARTIFACT);
  await device.authenticate();
  await device.sendInventory();
  return server.createDeployment({ artifactName: "release-2" });
}

/** The three sides: what the server knows, what is on the disk, whether the sub-updater was started. */
async function assertEnd(
  server: MenderServer,
  id: string,
  { rig, log }: DeviceRig,
  end: "handed-over" | "failed" | "gone",
): Promise<void> {
  const { status } = server.deployment(id).devices[0]!;
  assert.ok(!existsSync(rig.paths.partFile));
  if (end === "handed-over") {
    assert.equal(status, "installing");
    assert.equal(statSync(rig.paths.artifactFile).size, SIZE);
    await waitUntil("the sub-updater", () => rig.installed().length);
    assert.deepEqual(rig.installed(), [rig.paths.artifactFile]);
  } else {
    assert.equal(status, end === "gone" ? "aborted" : "failure", log());
    assert.ok(!existsSync(rig.paths.artifactFile));
    assert.ok(!existsSync(rig.paths.lock));
    assert.deepEqual(rig.installed(), []);
  }
  assert.deepEqual(server.violations(), []);
}

test("download: an expired link is renewed through next, for the same deployment", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const rigged = await open();
      const id = await publish(server, rigged);
      server.setInterceptor(async (exchange) => {
        if (!isArtifactRequest(exchange)) return false;
        await cutInTheMiddle(exchange, 1);
        server.expireLinks();
        server.setInterceptor(undefined);
        return true;
      });
      const result = await rigged.device.checkUpdate(new AbortController().signal);
      assert.equal(result, "handed-over", rigged.log());
      const nexts = server.journal.entries.filter(({ path }) => path.endsWith("/next"));
      assert.equal(nexts.length, 2);
      await assertEnd(server, id, rigged, "handed-over");
    });
  });
});

test("download: an abort at the server ends it within a minute or so, and removes the part", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const rigged = await open();
      const id = await publish(server, rigged);
      server.setInterceptor(async (exchange) => {
        if (!isArtifactRequest(exchange)) return false;
        exchange.start(200, { ...HEAD, "content-length": `${SIZE}` });
        await exchange.write(ARTIFACT.subarray(0, 1000));
        server.abortDeployment(id);
        // A drip keeps the connection alive for longer than it should matter.
        for (let at = 1000; at < SIZE && !exchange.ended.aborted; at += 10) {
          await exchange.write(ARTIFACT.subarray(at, at + 10));
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return true;
      });
      const result = await rigged.device.checkUpdate(new AbortController().signal);
      assert.equal(result, "gone", rigged.log());
      await assertEnd(server, id, rigged, "gone");
      assert.equal(await rigged.device.checkUpdate(new AbortController().signal), "nothing");
    });
  });
});

/** Ends the client, as far as it can tell, once the first half of the Artifact is stored. */
async function endInTheMiddle(server: MenderServer, { device }: DeviceRig): Promise<void> {
  const stop = new AbortController();
  server.setInterceptor(async (exchange) => {
    if (!isArtifactRequest(exchange)) return false;
    await cutAfter(exchange, MIDDLE, () => {});
    await firstHalfStored();
    stop.abort(new Error("the process ends here"));
    return true;
  });
  await assert.rejects(device.checkUpdate(stop.signal), /the process ends here/);
}

test("download: what one process stored is never fetched again by the next", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const first = await open();
      const id = await publish(server, first);
      await endInTheMiddle(server, first);
      assert.equal(first.rig.record().phase, "downloading");
      server.setInterceptor(async (exchange) => {
        if (!isArtifactRequest(exchange)) return false;
        assert.equal(exchange.headers.get("if-range"), HEAD.etag);
        await sendPart(exchange, offsetOf(exchange));
        return true;
      });
      const second = await open();
      const result = await second.device.checkUpdate(new AbortController().signal);
      assert.equal(result, "handed-over", second.log());
      assert.deepEqual(artifactRequests(server), resumed);
      await assertEnd(server, id, second, "handed-over");
    });
  });
});

test("download: a part file that was damaged on the disk is fetched anew", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withDeviceRoot(server, {}, async (open) => {
      const first = await open();
      const id = await publish(server, first);
      await endInTheMiddle(server, first);
      const zeroed = ARTIFACT.slice(0, MIDDLE).fill(0, MIDDLE - 5000);
      first.rig.write(first.rig.paths.partFile, zeroed, 0o600);
      server.setInterceptor(async (exchange) => {
        if (!isArtifactRequest(exchange)) return false;
        const offset = offsetOf(exchange);
        await (offset > 0 ? sendPart(exchange, offset) : exchange.reply(200, HEAD, ARTIFACT));
        return true;
      });
      const second = await open();
      const result = await second.device.checkUpdate(new AbortController().signal);
      assert.equal(result, "handed-over", second.log());
      await assertEnd(server, id, second, "handed-over");
    });
  });
});

/** Drivers whose disk has room for so many more bytes, and says it has `claimed`. */
function smallDisk(drivers: Drivers, claimed: number, roomBytes: number): Drivers {
  let left = roomBytes;
  const { files } = drivers;
  return {
    ...drivers,
    files: {
      ...files,
      freeBytes: () => claimed,
      open(path, mode, options) {
        const handle = files.open(path, mode, options);
        if (!path.endsWith(".part")) return handle;
        return {
          read: (buffer, position) => handle.read(buffer, position),
          write(buffer, position) {
            left -= buffer.length;
            if (left < 0) {
              throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
            }
            handle.write(buffer, position);
          },
          truncate: (size) => handle.truncate(size),
          stat: () => handle.stat(),
          changeMode: (mode) => handle.changeMode(mode),
          changeOwner: (uid, gid) => handle.changeOwner(uid, gid),
          syncInBackground: () => handle.syncInBackground(),
          sync: () => handle.sync(),
          close: () => handle.close(),
        };
      },
    },
  };
}

for (
  const [name, claimed, room, requests, message] of [
    ["a disk that is too small", 100_000, 0, 1, /it needs \d+ bytes more, 100000 are free/],
    [
      "a disk that is full in the middle",
      1e12,
      MIDDLE,
      1,
      /of which \d+ bytes were stored.*no space/,
    ],
  ] as const
) {
  test(`download: ${name} is reported with numbers, and nothing stays behind`, async () => {
    await withServer({ autoAccept: true }, async (server) => {
      const drivers = (host: Drivers): Drivers => smallDisk(host, claimed, room);
      await withDeviceRoot(server, { drivers }, async (open) => {
        const rigged = await open();
        const id = await publish(server, rigged);
        const result = await rigged.device.checkUpdate(new AbortController().signal);
        assert.equal(result, "failed", rigged.log());
        assert.match(rigged.log(), message);
        assert.equal(artifactRequests(server).length, requests);
        await assertEnd(server, id, rigged, "failed");
        assert.equal(await rigged.device.checkUpdate(new AbortController().signal), "nothing");
      });
    });
  });
}

test("download: DownloadRateBytesPerSecond holds the mean rate, and is no stall", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    // 40 s of the client's clock, more than the limit of silence.
    const config = { DownloadRateBytesPerSecond: Math.floor(SIZE / 40) };
    await withDeviceRoot(server, { config }, async (open) => {
      const rigged = await open();
      const id = await publish(server, rigged);
      const start = performance.now();
      const result = await rigged.device.checkUpdate(new AbortController().signal);
      assert.equal(result, "handed-over", rigged.log());
      // The last chunk is not waited for: half of the time is certain.
      assert.ok((performance.now() - start) * 40 > 20_000);
      assert.deepEqual(artifactRequests(server), ["whole"]);
      await assertEnd(server, id, rigged, "handed-over");
    });
  });
});
