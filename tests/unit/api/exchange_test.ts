import assert from "node:assert/strict";
import { type ApiRequest, exchange } from "../../../lib/api/exchange.ts";
import { isMenderError, RuntimeError } from "../../../lib/core/errors.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { type Script, type ScriptedAnswer, ScriptedHttp } from "../../support/scripted_http.ts";
import { test } from "../../support/test.ts";

const ORIGIN = "https://one.example";
const limits = { limitMs: 60_000 };
const request = (method: ApiRequest["method"]): ApiRequest => ({
  method,
  url: `${ORIGIN}/api/start?secret=1`,
  headers: { authorization: "Bearer abc" },
});

test("exchange() gives status, headers and the whole text, and leaves no timer", async () => {
  const clock = new FakeClock();
  const euro = new TextEncoder().encode("€");
  const http = new ScriptedHttp([{
    status: 418,
    headers: { "x-men-requestid": "r1" },
    body: ["a", euro.subarray(0, 1), euro.subarray(1), "b"],
  }]);
  const answer = await exchange(http, clock, request("GET"), limits);
  assert.deepEqual([answer.status, answer.text], [418, "a€b"]);
  assert.equal(answer.headers.get("x-men-requestid"), "r1");
  assert.deepEqual([clock.pendingTimers, http.openBodies], [0, 0]);
});

const to = (status: number, location: string): ScriptedAnswer => ({
  status,
  headers: { location },
});

const followed: [method: ApiRequest["method"], status: number, location: string, path: string][] = [
  ["GET", 301, "/api/next", "/api/next"],
  ["GET", 302, `${ORIGIN}/api/next`, "/api/next"],
  ["GET", 303, "next", "/api/next"],
  ["GET", 307, "?a=b", "/api/start?a=b"],
  ["POST", 307, "/api/next", "/api/next"],
  ["PUT", 308, `${ORIGIN}:443/api/next`, "/api/next"],
];
for (const [method, status, location, path] of followed) {
  test(`exchange() follows a ${status} of ${method} to ${location}`, async () => {
    const http = new ScriptedHttp([to(status, location), { body: "there" }]);
    const sent = { ...request(method), ...(method !== "GET" && { body: new Uint8Array([7]) }) };
    const answer = await exchange(http, new FakeClock(), sent, limits);
    assert.equal(answer.text, "there");
    assert.equal(http.calls[1], `${method} ${path}`);
    assert.deepEqual(http.requests[1]?.headers, { authorization: "Bearer abc" });
    assert.deepEqual(http.requests[1]?.body, sent.body);
    assert.equal(http.openBodies, 0);
  });
}

const refused: [name: string, method: ApiRequest["method"], answer: ScriptedAnswer][] = [
  ["to another host", "GET", to(307, "https://evil.example/api")],
  ["to another port", "GET", to(307, `${ORIGIN}:8443/api`)],
  ["from https to http", "GET", to(307, "http://one.example/api")],
  ["to a file", "GET", to(307, "file:///etc/passwd")],
  ["to no address", "GET", to(307, "http://")],
  ["that turns POST into GET by 301", "POST", to(301, "/api/next")],
  ["that turns POST into GET by 302", "POST", to(302, "/api/next")],
  ["that turns PUT into GET by 303", "PUT", to(303, "/api/next")],
];
for (const [name, method, answer] of refused) {
  test(`exchange() refuses a redirect ${name}`, async () => {
    const http = new ScriptedHttp([answer]);
    await assert.rejects(
      exchange(http, new FakeClock(), request(method), limits),
      (error) => isMenderError(error, "api.redirected"),
    );
    assert.deepEqual([http.requests.length, http.openBodies], [1, 0]);
  });
}

test("exchange() gives a redirect without a target to its caller", async () => {
  const http = new ScriptedHttp([{ status: 307, body: "where?" }]);
  assert.equal((await exchange(http, new FakeClock(), request("GET"), limits)).status, 307);
});

test("exchange() ends a loop of redirects", async () => {
  const http = new ScriptedHttp(() => to(307, "/api/start"));
  await assert.rejects(
    exchange(http, new FakeClock(), request("GET"), limits),
    (error) => isMenderError(error, "api.redirected"),
  );
  assert.equal(http.requests.length, 6);
});

test("exchange() reads no endless answer", async () => {
  const http = new ScriptedHttp([{ body: Array(40).fill(new Uint8Array(65_536)) }]);
  await assert.rejects(
    exchange(http, new FakeClock(), request("GET"), limits),
    (error) => isMenderError(error, "api.answer-too-large"),
  );
  assert.equal(http.openBodies, 0);
});

const silences: [name: string, script: Script][] = [
  ["never answers", () => ({ isSilent: true })],
  ["stops in mid-body", () => ({ body: "half", then: "silence" })],
  ["stops behind a redirect", (_seen, at) => at === 0 ? to(307, "/x") : { isSilent: true }],
];
for (const [name, script] of silences) {
  test(`exchange() with a server that ${name} ends at its limit`, async () => {
    const clock = new FakeClock();
    const http = new ScriptedHttp(script);
    await assert.rejects(
      clock.run(exchange(http, clock, request("GET"), limits)),
      (error) => isMenderError(error, "api.time-out") && error.retry === "later",
    );
    assert.equal(clock.monotonic(), 60_000);
    assert.deepEqual([clock.pendingTimers, http.openBodies], [0, 0]);
  });
}

const failures: [name: string, script: Script][] = [
  ["cannot be reached", () => {
    throw new TypeError("connection refused");
  }],
  ["breaks off in mid-body", () => ({ body: "half", then: "cut" })],
];
for (const [name, script] of failures) {
  test(`exchange() with a server that ${name} keeps the cause and no query`, async () => {
    const clock = new FakeClock();
    await assert.rejects(
      exchange(new ScriptedHttp(script), clock, request("GET"), limits),
      (error) => {
        assert.ok(isMenderError(error, "api.unreachable"));
        assert.match(error.message, /https:\/\/one\.example for GET \/api\/start$/);
        assert.ok(error.cause instanceof TypeError);
        return true;
      },
    );
    assert.equal(clock.pendingTimers, 0);
  });
}

const explained: [name: string, failure: Error, message: RegExp, hint: RegExp][] = [
  [
    "a certificate of an unknown authority",
    new TypeError("fetch failed", { cause: new Error("invalid peer certificate: UnknownIssuer") }),
    /GET \/api\/start: the server's certificate is not signed by an authority/,
    /ServerCertificate/,
  ],
  [
    "a certificate and a clock that was never set",
    new TypeError("fetch failed", { cause: new Error("certificate is not yet valid") }),
    /GET \/api\/start: .*clock/,
    /^Set the clock/,
  ],
  [
    "a proxy",
    new RuntimeError("runtime.proxy-refused", "Cannot send the request: the proxy answered 403", {
      hint: "Check HTTPS_PROXY",
    }),
    /GET \/api\/start: the proxy answered 403$/,
    /^Check HTTPS_PROXY$/,
  ],
];
for (const [name, failure, message, hint] of explained) {
  test(`exchange() says so when it fails because of ${name}`, async () => {
    const http = new ScriptedHttp(() => {
      throw failure;
    });
    await assert.rejects(exchange(http, new FakeClock(), request("GET"), limits), (error) => {
      assert.ok(isMenderError(error, "api.unreachable"));
      assert.match(error.message, message);
      assert.match(error.hint ?? "", hint);
      assert.equal(error.cause, failure);
      return true;
    });
  });
}

test("exchange() ends with the reason when it is aborted, before and during", async () => {
  const clock = new FakeClock();
  const controller = new AbortController();
  const reason = new Error("stop");
  const http = new ScriptedHttp(() => ({ body: "half", then: "silence" }));
  const options = { ...limits, signal: controller.signal };
  const running = exchange(http, clock, request("GET"), options);
  await clock.advance(10);
  controller.abort(reason);
  await assert.rejects(running, reason);
  await assert.rejects(exchange(http, clock, request("GET"), options), reason);
  assert.deepEqual([clock.pendingTimers, http.requests.length], [0, 1]);
});
