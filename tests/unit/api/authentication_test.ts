import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { authenticationRequest } from "../../../lib/api/authentication_request.ts";
import { ApiError, causeChain, isMenderError } from "../../../lib/core/errors.ts";
import type { ScriptedAnswer } from "../../support/scripted_http.ts";
import { AUTHENTICATION, quickKey, sessionOn, tokenOf } from "../../support/scripted_session.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { test } from "../../support/test.ts";

const pending: ScriptedAnswer = { status: 401, body: '{"error":"dev auth: unauthorized"}' };

for (const tenantToken of [undefined, "tt-91"]) {
  test(`authenticationRequest() signs the bytes that it sends, tenant token ${tenantToken}`, async () => {
    const identity = '{"mac":["02:00"],"name":"Gerät"}';
    const request = await authenticationRequest("https://h/base", quickKey, identity, tenantToken);
    assert.equal(request.url, `https://h/base${AUTHENTICATION}`);
    assert.equal(request.method, "POST");
    assert.equal(request.headers?.["content-type"], "application/json");
    const signature = Buffer.from(request.headers?.["x-men-signature"] ?? "", "base64");
    const publicKey = createPublicKey(quickKey.publicKeyPem);
    assert.ok(verify(null, request.body!, publicKey, signature));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(request.body)), {
      id_data: identity,
      pubkey: quickKey.publicKeyPem,
      ...(tenantToken !== undefined && { tenant_token: tenantToken }),
    });
  });
}

test("authenticate() sends what was signed, and keeps the token to itself", async () => {
  const { session, http, tokens } = sessionOn([{ body: `${tokenOf(1)}\n` }]);
  assert.equal(session.isAuthorized, false);
  await session.authenticate();
  assert.deepEqual([session.isAuthorized, session.server], [true, "https://one.example"]);
  assert.deepEqual(tokens, [tokenOf(1)]);
  const [request] = http.requests;
  const signature = Buffer.from(request?.headers?.["x-men-signature"] ?? "", "base64");
  assert.ok(verify(null, request!.body!, createPublicKey(quickKey.publicKeyPem), signature));
});

const refused: [name: string, answer: ScriptedAnswer, code: string][] = [
  ["401", pending, "auth.unauthorized"],
  ["403", { status: 403 }, "auth.unauthorized"],
  ["400", { status: 400, body: '{"error":"bad"}' }, "api.refused"],
  ["429", { status: 429, headers: { "retry-after": "60" } }, "api.refused"],
  ["500", { status: 500 }, "api.server-error"],
  ["200 with a page", { body: "<html>Welcome</html>" }, "auth.bad-answer"],
  ["200 with nothing", { body: "" }, "auth.bad-answer"],
  ["200 with a token in JSON", { body: JSON.stringify(tokenOf(1)) }, "auth.bad-answer"],
  ["200 with a line end inside", { body: "a.b\r\nx: y.c" }, "auth.bad-answer"],
];
for (const [name, answer, code] of refused) {
  test(`authenticate() that is answered ${name} fails with ${code} and leaves no token`, async () => {
    const { session } = sessionOn([{ body: tokenOf(1) }, answer]);
    await session.authenticate();
    await assert.rejects(session.authenticate(), (error) => isMenderError(error, code));
    assert.equal(session.isAuthorized, false);
  });
}

test("authenticate() takes the first of several servers that gives a token", async () => {
  const servers = ["https://one.example", "https://two.example", "https://three.example"];
  const { session, http } = sessionOn((request) => {
    if (request.url.startsWith(servers[0]!)) throw new TypeError("connection refused");
    return { body: tokenOf(1) };
  }, { servers });
  await session.authenticate();
  assert.equal(session.server, servers[1]);
  await session.authenticate();
  assert.deepEqual(http.requests.map(({ url }) => new URL(url).origin), [
    servers[0],
    servers[1],
    servers[0],
    servers[1],
  ]);
});

const mixtures: [name: string, second: ScriptedAnswer, code: string][] = [
  ["all refuse the device", pending, "auth.unauthorized"],
  ["one could not be reached", { then: "cut" }, "api.unreachable"],
  ["one failed", { status: 502, body: "<html>Bad gateway</html>" }, "api.unreachable"],
  ["one is no Mender server", { body: "<html>Welcome</html>" }, "api.unreachable"],
];
for (const [name, second, code] of mixtures) {
  test(`authenticate() with several servers of which ${name} fails with ${code}, one entry each`, async () => {
    const servers = ["https://one.example", "https://two.example"];
    const { session } = sessionOn([pending, second], { servers });
    await assert.rejects(session.authenticate(), (error) => {
      assert.ok(isMenderError(error, code), causeChain(error).join("; "));
      assert.ok(error.cause instanceof AggregateError);
      assert.equal(error.cause.errors.length, 2);
      for (const server of servers) {
        assert.equal(error.message.split(server).length, 2, error.message);
      }
      return true;
    });
  });
}

test("authenticate() tells which servers had to be passed over, and why", async () => {
  const servers = ["https://one.example", "https://two.example", "https://three.example"];
  const logger = logRecorder();
  const { session } = sessionOn([pending, { status: 502 }, { body: tokenOf(1) }], {
    servers,
    logger,
  });
  await session.authenticate();
  assert.equal(session.server, servers[2]);
  const lines = logger.lines();
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /stands in .*one\.example.*401/);
  assert.match(lines[1]!, /stands in .*two\.example.*502/);
});

test("authenticate() with several busy servers waits for the first that is ready again", async () => {
  const busy = (seconds: number): ScriptedAnswer => ({
    status: 503,
    headers: { "retry-after": `${seconds}` },
  });
  const servers = ["https://one.example", "https://two.example"];
  const { session } = sessionOn([busy(90), busy(30)], { servers });
  await assert.rejects(session.authenticate(), (error) => {
    assert.ok(isMenderError(error));
    assert.deepEqual(error.retry, { afterMs: 30_000 });
    return true;
  });
});

test("authenticate() without a server says so", async () => {
  const { session } = sessionOn([], { servers: [] });
  await assert.rejects(session.authenticate(), (error) => isMenderError(error, "api.no-server"));
});

test("authenticate() passes on what is wrong with the credentials, and sends nothing", async () => {
  const { session, http } = sessionOn([], {
    credentials: () => Promise.reject(new TypeError("no key")),
  });
  await assert.rejects(session.authenticate(), TypeError);
  assert.equal(http.requests.length, 0);
});

for (const reason of [new Error("stop"), new ApiError("api.time-out", "stop")]) {
  test(`authenticate() that is aborted with a ${reason.name} asks no further server`, async () => {
    const controller = new AbortController();
    const { session, http } = sessionOn(() => {
      controller.abort(reason);
      return { isSilent: true };
    }, { servers: ["https://one.example", "https://two.example"] });
    await assert.rejects(session.authenticate(controller.signal), reason);
    assert.equal(http.requests.length, 1);
  });
}
