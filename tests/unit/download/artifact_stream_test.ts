import assert from "node:assert/strict";
import { DownloadError, isMenderError } from "../../../lib/core/errors.ts";
import {
  type ArtifactStreamOptions,
  streamArtifact,
} from "../../../lib/download/artifact_stream.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { HttpExchange } from "../../../lib/runtime/http/http_exchange.ts";
import { listenHttp } from "../../../lib/runtime/http/http_server.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type Script, type ScriptedAnswer, ScriptedHttp } from "../../support/scripted_http.ts";
import { test } from "../../support/test.ts";

const URI = "https://store.example/a.mender?X-Amz-Signature=1";
const never = new AbortController().signal;

interface Download {
  readonly http: ScriptedHttp;
  readonly clock: FakeClock;
  readonly received: number[];
  readonly sizes: (number | undefined)[];
  readonly done: Promise<number>;
}

function download(
  script: Script | readonly ScriptedAnswer[],
  options: Partial<ArtifactStreamOptions> = {},
): Download {
  const [http, clock] = [new ScriptedHttp(script), new FakeClock()];
  const [received, sizes]: [number[], (number | undefined)[]] = [[], []];
  const done = streamArtifact({
    http,
    clock,
    uri: URI,
    signal: never,
    onStart: (size) => void sizes.push(size),
    onChunk: (chunk) => void received.push(...chunk),
    ...options,
  });
  done.catch(() => {}); // looked at by the test, perhaps later
  return { http, clock, received, sizes, done };
}

/** What must be left behind after every download: nothing. */
function assertTidy({ http, clock }: Download): void {
  assert.deepEqual([http.openBodies, clock.pendingTimers], [0, 0], "open bodies, timers");
}

const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(7);
const length = (count: number): { "content-length": string } => ({ "content-length": `${count}` });

const whole: [name: string, answer: ScriptedAnswer, size: number | undefined][] = [
  ["of a size that was announced", { headers: length(10), body: [bytes(4), bytes(6)] }, 10],
  ["of no announced size", { body: [bytes(4), bytes(6)] }, undefined],
  [
    "of a size that means nothing",
    { headers: { "content-length": "ten" }, body: bytes(10) },
    undefined,
  ],
];
for (const [name, answer, size] of whole) {
  test(`streamArtifact() gives all bytes of an Artifact ${name}`, async () => {
    const run = download([answer]);
    assert.equal(await run.done, 10);
    assert.deepEqual(run.received, Array(10).fill(7));
    assert.deepEqual(run.sizes, [size]);
    assertTidy(run);
  });
}

test("streamArtifact() sends no credential", async () => {
  const run = download([{ body: bytes(1) }]);
  await run.done;
  assert.deepEqual(run.http.calls, ["GET /a.mender?X-Amz-Signature=1"]);
  assert.equal(run.http.requests[0]?.headers, undefined);
});

const wrong: [name: string, answer: ScriptedAnswer, code: string][] = [
  ["is too short", { headers: length(10), body: bytes(9) }, "download.wrong-length"],
  ["is too long", { headers: length(10), body: bytes(11) }, "download.wrong-length"],
  ["is empty", { headers: length(10) }, "download.wrong-length"],
  ["breaks off", { headers: length(10), body: bytes(4), then: "cut" }, "download.interrupted"],
];
for (const [name, answer, code] of wrong) {
  test(`streamArtifact() refuses a body that ${name}, and another attempt may help`, async () => {
    const run = download([answer]);
    await assert.rejects(
      run.done,
      (error) => isMenderError(error, code) && error.retry === "later",
    );
    assertTidy(run);
  });
}

const statuses: [status: number, headers: Record<string, string>, retry: unknown][] = [
  [403, {}, "later"], // the link has expired: the next poll brings a new one
  [404, {}, "later"],
  [408, {}, "later"],
  [416, {}, "later"],
  [429, { "retry-after": "120" }, { afterMs: 120_000 }],
  [429, {}, "later"],
  [400, {}, "never"],
  [401, {}, "never"],
  [410, {}, "never"],
  [500, {}, "later"],
  [503, { "retry-after": "Wed, 02 Jan 2030 03:05:05 GMT" }, { afterMs: 60_000 }],
  [204, {}, "later"],
  [206, {}, "later"],
  [304, {}, "later"],
  [307, {}, "later"], // a redirect without a target
];
for (const [status, headers, retry] of statuses) {
  test(`streamArtifact() that is answered ${status} advises ${JSON.stringify(retry)}, and keeps no byte`, async () => {
    const run = download([{ status, headers, body: "<html>error</html>" }]);
    await assert.rejects(run.done, (error) => {
      assert.ok(isMenderError(error, "download.status"));
      assert.ok(error.message.endsWith(`answered ${status}`), error.message);
      assert.deepEqual(error.retry, retry);
      return true;
    });
    assert.deepEqual([run.received, run.sizes], [[], []]);
    assertTidy(run);
  });
}

const redirect = (location: string, status = 302): ScriptedAnswer => ({
  status,
  headers: { location },
});

test("streamArtifact() follows redirects of all kinds, also to other hosts", async () => {
  const run = download([
    redirect("/second", 301),
    redirect("third?a=b", 302),
    redirect("https://other.example/4", 303),
    redirect("//third.example/5", 307),
    redirect("https://third.example:8443/6", 308),
    { body: bytes(3) },
  ]);
  assert.equal(await run.done, 3);
  assert.deepEqual(run.http.requests.slice(1).map(({ url }) => url), [
    "https://store.example/second",
    "https://store.example/third?a=b",
    "https://other.example/4",
    "https://third.example/5",
    "https://third.example:8443/6",
  ]);
  assertTidy(run);
});

test("streamArtifact() follows ten redirects and no eleventh", async () => {
  const ten = download((_request, at) => at < 10 ? redirect(`/${at}`) : { body: bytes(1) });
  assert.equal(await ten.done, 1);
  const eleven = download((_request, at) => at < 11 ? redirect(`/${at}`) : { body: bytes(1) });
  await assert.rejects(eleven.done, (error) => isMenderError(error, "download.bad-redirect"));
  assertTidy(eleven);
});

const badRedirects: [name: string, location: string][] = [
  ["from https to http", "http://store.example/a"],
  ["to a file", "file:///etc/shadow"],
  ["to its own data", "data:,x"],
  ["to no address", "https://"],
];
for (const [name, location] of badRedirects) {
  test(`streamArtifact() refuses a redirect ${name} for good`, async () => {
    const run = download([redirect(location)]);
    await assert.rejects(
      run.done,
      (error) => isMenderError(error, "download.bad-redirect") && error.retry === "never",
    );
    assert.equal(run.http.requests.length, 1);
    assertTidy(run);
  });
}

test("streamArtifact() goes from http to http and to https", async () => {
  const script = [redirect("http://b.example/"), redirect("https://c.example/"), {
    body: bytes(1),
  }];
  assert.equal(await download(script, { uri: "http://a.example/" }).done, 1);
});

test("streamArtifact() that reaches nobody keeps the cause, and tells no more of the link than its host", async () => {
  const run = download(() => {
    throw new TypeError("connection refused");
  });
  await assert.rejects(run.done, (error) => {
    assert.ok(isMenderError(error, "download.interrupted"));
    assert.ok(error.cause instanceof TypeError);
    assert.doesNotMatch(error.message, /Signature/);
    assert.match(error.message, /store\.example/);
    return true;
  });
  assertTidy(run);
});

const stalls: [name: string, script: Script][] = [
  ["before the head", () => ({ isSilent: true })],
  ["after the head", () => ({ headers: length(10), then: "silence" })],
  ["in mid-body", () => ({ headers: length(10), body: bytes(4), then: "silence" })],
  ["behind a redirect", (_request, at) => at === 0 ? redirect("/x") : { isSilent: true }],
];
for (const [name, script] of stalls) {
  test(`streamArtifact() gives a server up that is silent for 30 s ${name}`, async () => {
    const run = download(script);
    await assert.rejects(
      run.clock.run(run.done),
      (error) => isMenderError(error, "download.stalled") && error.retry === "later",
    );
    assert.equal(run.clock.monotonic(), 30_000);
    assertTidy(run);
  });
}

test("streamArtifact() is patient with a slow server that never stops", async () => {
  const clock = new FakeClock();
  const run = download([{ headers: length(20), body: Array(20).fill(bytes(1)) }], {
    clock,
    onChunk: () => clock.advance(25_000),
  });
  assert.equal(await run.done, 20);
  assert.equal(clock.monotonic(), 500_000);
  assert.equal(clock.pendingTimers, 0);
});

for (const where of ["onStart", "onChunk"] as const) {
  test(`streamArtifact() passes on what ${where} throws, and lets the connection go`, async () => {
    const full = new DownloadError("download.test", "the disk is full");
    const run = download([{ headers: length(10), body: [bytes(4), bytes(6)] }], {
      [where]: () => {
        throw full;
      },
    });
    await assert.rejects(run.done, full);
    assertTidy(run);
  });
}

const aborts: [name: string, script: Script][] = stalls;
for (const [name, script] of aborts) {
  test(`streamArtifact() ends at once with the reason when it is aborted ${name}`, async () => {
    const controller = new AbortController();
    const run = download(script, { signal: controller.signal });
    await run.clock.advance(1000);
    const reason = new Error("stop");
    controller.abort(reason);
    await assert.rejects(run.done, reason);
    assert.equal(run.clock.monotonic(), 1000);
    assertTidy(run);
  });
}

test("streamArtifact() that is aborted before it begins asks nobody", async () => {
  const run = download([], { signal: AbortSignal.abort(new Error("stop")) });
  await assert.rejects(run.done, /stop/);
  assert.equal(run.http.requests.length, 0);
});

// Over real sockets: what a length means, and that a cut is noticed, is the drivers' business.
const real: [
  name: string,
  answer: (exchange: HttpExchange) => Promise<void>,
  expected: number | string,
][] = [
  ["whole", (exchange) => exchange.reply(200, {}, bytes(300_000)), 300_000],
  ["whole without a length", async (exchange) => {
    exchange.start(200, {});
    for (let at = 0; at < 3; at++) await exchange.write(bytes(100_000));
    exchange.end();
  }, 300_000],
  ["cut", async (exchange) => {
    exchange.start(200, length(300_000));
    await exchange.write(bytes(100_000));
    exchange.cut();
  }, "download.interrupted"],
  ["cut without a length", async (exchange) => {
    exchange.start(200, {});
    await exchange.write(bytes(100_000));
    exchange.cut();
  }, "download.interrupted"],
];
for (const [name, answer, expected] of real) {
  test(`streamArtifact() of a real server's body, ${name}, ends with ${expected}`, async () => {
    const drivers = await hostDrivers();
    const server = await listenHttp({
      host: "127.0.0.1",
      port: 0,
      onExchange: answer,
      onError: () => {},
    });
    const http = await drivers.http({});
    try {
      let received = 0;
      const done = streamArtifact({
        http,
        clock: drivers.clock,
        uri: `http://127.0.0.1:${server.port}/a`,
        signal: AbortSignal.timeout(10_000),
        onStart: () => {},
        onChunk: (chunk) => void (received += chunk.length),
      });
      if (typeof expected === "string") {
        await assert.rejects(done, (error) => isMenderError(error, expected));
      } else assert.deepEqual([await done, received], [expected, expected]);
    } finally {
      http.close();
      await server.close();
    }
  });
}
