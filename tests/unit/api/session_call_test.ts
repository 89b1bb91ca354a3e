import assert from "node:assert/strict";
import type { ApiAnswer } from "../../../lib/api/exchange.ts";
import type { SessionCall } from "../../../lib/api/device_session.ts";
import { AuthError, isMenderError } from "../../../lib/core/errors.ts";
import type { ScriptedAnswer } from "../../support/scripted_http.ts";
import {
  AUTHENTICATION,
  authorisedOn,
  sessionOn,
  tokenOf,
} from "../../support/scripted_session.ts";
import { test } from "../../support/test.ts";

const AUTH = `POST ${AUTHENTICATION}`;
const call: SessionCall = {
  method: "PUT",
  path: "/api/devices/v1/x",
  body: new Uint8Array([1, 2]),
};
const PUT = "PUT /api/devices/v1/x";

test("call() authenticates first where there is no token, and only then", async () => {
  const { session, http } = authorisedOn(() => ({ body: "answer" }));
  const answer: ApiAnswer = await session.call(call);
  assert.deepEqual([answer.status, answer.text], [200, "answer"]);
  await session.call(call);
  assert.deepEqual(http.calls, [AUTH, PUT, PUT]);
  const [, request] = http.requests;
  assert.equal(request?.headers?.["authorization"], `Bearer ${tokenOf(1)}`);
  assert.deepEqual([...request!.body!], [1, 2]);
  session.forget();
  await session.call(call);
  assert.equal(http.requests.at(-1)?.headers?.["authorization"], `Bearer ${tokenOf(2)}`);
});

for (const status of [401, 403]) {
  test(`call() that is answered ${status} gets a new token once and is repeated once`, async () => {
    const { session, http } = authorisedOn((_request, at) => ({ status: at === 0 ? status : 204 }));
    assert.equal((await session.call(call)).status, 204);
    assert.deepEqual(http.calls, [AUTH, PUT, AUTH, PUT]);
    assert.equal(http.requests[3]?.headers?.["authorization"], `Bearer ${tokenOf(2)}`);
    assert.deepEqual([...http.requests[3]!.body!], [1, 2]);
    assert.equal(session.isAuthorized, true);
  });

  test(`call() that is answered ${status} again is given up, without a token`, async () => {
    const { session, http } = authorisedOn(() => ({ status }));
    await assert.rejects(session.call(call), (error) => {
      return error instanceof AuthError && isMenderError(error, "auth.unauthorized");
    });
    assert.deepEqual(http.calls, [AUTH, PUT, AUTH, PUT]);
    assert.equal(session.isAuthorized, false);
  });
}

test("call() whose new token is refused tells that refusal and is not repeated", async () => {
  const answers = [{ body: tokenOf(1) }, { status: 401 }, {
    status: 401,
    body: '{"error":"rejected"}',
  }];
  const { session, http } = sessionOn(answers);
  await assert.rejects(session.call(call), /rejected/);
  assert.deepEqual(http.calls, [AUTH, PUT, AUTH]);
});

for (const status of [200, 204, 400, 404, 409, 429, 500, 503]) {
  test(`call() gives the answer ${status} to its caller`, async () => {
    const { session, http } = authorisedOn(() => ({ status }));
    assert.equal((await session.call(call)).status, status);
    assert.equal(http.requests.length, 2);
  });
}

const two = { servers: ["https://one.example", "https://two.example"] };

test("call() goes to the server that gave the token", async () => {
  const { session, http } = sessionOn((request) => {
    if (request.url.startsWith("https://one.")) return { status: 500 };
    return request.path === AUTHENTICATION ? { body: tokenOf(1) } : {};
  }, two);
  await session.call(call);
  assert.equal(http.requests.at(-1)?.url, "https://two.example/api/devices/v1/x");
});

const lost: [name: string, answer: ScriptedAnswer][] = [
  ["breaks off", { then: "cut" }],
  ["is silent", { isSilent: true }],
  ["is a gateway with nobody behind it", { status: 502 }],
  ["is out of service", { status: 503 }],
];
for (const [name, answer] of lost) {
  test(`call() to one of several servers that ${name} makes the next call look for another`, async () => {
    let isOneDown = false;
    const { session, http, clock } = sessionOn((request) => {
      if (request.url.startsWith("https://one.") && isOneDown) return answer;
      return request.path === AUTHENTICATION ? { body: tokenOf(1) } : {};
    }, two);
    await session.call(call);
    assert.equal(session.server, "https://one.example");
    isOneDown = true;
    await clock.run(session.call(call)).then(
      ({ status }) => assert.equal(status, answer.status),
      (error) => assert.ok(isMenderError(error, "api."), String(error)),
    );
    await clock.run(session.call(call));
    assert.equal(http.requests.at(-1)?.url, "https://two.example/api/devices/v1/x");
  });
}

test("call() to an only server that breaks off keeps the token", async () => {
  const { session } = authorisedOn(() => ({ then: "cut" }));
  await assert.rejects(session.call(call), (error) => isMenderError(error, "api.unreachable"));
  assert.equal(session.isAuthorized, true);
});

test("errors of a call never hold the token", async () => {
  const { session } = authorisedOn(() => ({ status: 401, body: "no" }));
  await assert.rejects(session.call(call), (error) => {
    return error instanceof Error && !JSON.stringify([error.message, error]).includes("eyJ");
  });
});

test("a session has one timer for the limits of all its calls, and none when it is closed", async () => {
  const { session, clock } = authorisedOn(() => ({ body: "answer" }));
  for (let calls = 0; calls < 5; calls++) {
    await session.call(call);
    await clock.advance(1000);
    assert.equal(clock.pendingTimers, 1);
  }
  session.close();
  assert.equal(clock.pendingTimers, 0);
});
