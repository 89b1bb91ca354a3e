import assert from "node:assert/strict";
import { sendDeploymentLog, sendStatus } from "../../../lib/api/deployment_calls.ts";
import { sendInventory } from "../../../lib/api/inventory_call.ts";
import { refusal } from "../../../lib/api/refusal.ts";
import { AuthError, isMenderError } from "../../../lib/core/errors.ts";
import type { ScriptedAnswer } from "../../support/scripted_http.ts";
import { authorisedOn } from "../../support/scripted_session.ts";
import { test } from "../../support/test.ts";

const ID = "5b1d2f3a-0000-4000-8000-00000000000f";
const STATUS = `PUT /api/devices/v1/deployments/device/deployments/${ID}/status`;
const ATTRIBUTES = "/api/devices/v1/inventory/device/attributes";

const statuses: [status: number, expected: string][] = [
  [204, "accepted"],
  [200, "accepted"],
  [409, "gone"],
  [404, "gone"],
  [400, "api.refused"],
  [413, "api.too-large"],
  [429, "api.refused"],
  [500, "api.server-error"],
  [503, "api.server-error"],
];
for (const [status, expected] of statuses) {
  test(`sendStatus() that is answered ${status} ends with ${expected}`, async () => {
    const { session, http, clock } = authorisedOn(() => ({ status }));
    const sending = sendStatus(session, clock, ID, "installing");
    if (expected.includes(".")) {
      await assert.rejects(sending, (error) => isMenderError(error, expected));
    } else assert.equal(await sending, expected);
    assert.equal(http.calls.at(-1), STATUS);
    assert.deepEqual(http.requests.at(-1)?.json(), { status: "installing" });
    assert.equal(http.requests.at(-1)?.headers?.["content-type"], "application/json");
  });
}

test("sendDeploymentLog() sends the messages, and passes a refusal on", async () => {
  const messages = [{ timestamp: "2030-01-02T03:04:05Z", level: "info", message: "x" }];
  let status = 204;
  const { session, http, clock } = authorisedOn(() => ({ status }));
  await sendDeploymentLog(session, clock, ID, messages);
  assert.equal(http.calls.at(-1), STATUS.replace("/status", "/log"));
  assert.deepEqual(http.requests.at(-1)?.json(), { messages });
  status = 413;
  await assert.rejects(
    sendDeploymentLog(session, clock, ID, messages),
    (error) => isMenderError(error, "api.too-large"),
  );
});

const inventories: [name: string, put: number, patch: number | undefined, code?: string][] = [
  ["200", 200, undefined],
  ["404, then 200", 404, 200],
  ["405, then 200", 405, 200],
  ["501, then 200", 501, 200],
  ["405, then 500", 405, 500, "api.server-error"],
  ["400", 400, undefined, "api.refused"],
  ["413", 413, undefined, "api.too-large"],
  ["500", 500, undefined, "api.server-error"],
];
for (const [name, put, patch, code] of inventories) {
  test(`sendInventory() that is answered ${name} ${code ?? "is done"}`, async () => {
    const { session, http, clock } = authorisedOn(({ method }) => ({
      status: method === "PUT" ? put : patch ?? 599,
    }));
    const attributes = [{ name: "ip", value: ["10.0.0.4", "fe80::4"] }, { name: "a", value: "b" }];
    const sending = sendInventory(session, clock, attributes);
    if (code === undefined) await sending;
    else await assert.rejects(sending, (error) => isMenderError(error, code));
    const methods = patch === undefined ? ["PUT"] : ["PUT", "PATCH"];
    assert.deepEqual(http.calls.slice(1), methods.map((method) => `${method} ${ATTRIBUTES}`));
    for (const request of http.requests.slice(1)) assert.deepEqual(request.json(), attributes);
  });
}

const NOW = Date.UTC(2030, 0, 2, 3, 4, 5);
const said: [
  name: string,
  answer: ScriptedAnswer,
  code: string,
  message: string,
  retry: unknown,
][] = [
  [
    "an error in JSON",
    { status: 400, body: '{"error":"bad\\nname","request_id":"r-1"}' },
    "api.refused",
    "Cannot do it: the server answered 400 (bad name), request r-1",
    "never",
  ],
  [
    "the request's ID in a header",
    {
      status: 500,
      headers: { "x-men-requestid": "r-2" },
      body: '{"error":"oops","request_id":"r-1"}',
    },
    "api.server-error",
    "Cannot do it: the server answered 500 (oops), request r-2",
    "later",
  ],
  [
    "a page of a proxy",
    { status: 502, body: `<html>\n  <h1>Bad gateway</h1> ${"x".repeat(500)}` },
    "api.server-error",
    `Cannot do it: the server answered 502 (${
      `<html> <h1>Bad gateway</h1> ${"x".repeat(500)}`.slice(0, 200)
    })`,
    "later",
  ],
  ["nothing", { status: 404 }, "api.refused", "Cannot do it: the server answered 404", "later"],
  [
    "JSON of another form",
    { status: 404, body: '["a"]' },
    "api.refused",
    'Cannot do it: the server answered 404 (["a"])',
    "later",
  ],
  [
    "seconds to wait",
    { status: 429, headers: { "retry-after": "120" } },
    "api.refused",
    "Cannot do it: the server answered 429",
    { afterMs: 120_000 },
  ],
  [
    "a date to wait for",
    { status: 503, headers: { "retry-after": "Wed, 02 Jan 2030 03:05:05 GMT" } },
    "api.server-error",
    "Cannot do it: the server answered 503",
    { afterMs: 60_000 },
  ],
  ["too much", { status: 413 }, "api.too-large", "Cannot do it: the server answered 413", "never"],
  ["a conflict", { status: 409 }, "api.refused", "Cannot do it: the server answered 409", "later"],
  [
    "an odd success",
    { status: 202 },
    "api.server-error",
    "Cannot do it: the server answered 202",
    "later",
  ],
  ["401", { status: 401 }, "auth.unauthorized", "Cannot do it: the server answered 401", "later"],
  [
    "403 with a wait",
    { status: 403, headers: { "retry-after": "5" } },
    "auth.unauthorized",
    "Cannot do it: the server answered 403",
    { afterMs: 5000 },
  ],
];
for (const [name, answer, code, message, retry] of said) {
  test(`refusal() tells ${name}`, () => {
    const { status = 200, headers = {}, body = "" } = answer;
    const error = refusal("do it", {
      status,
      headers: new Map(Object.entries(headers)),
      text: String(body),
    }, NOW);
    assert.deepEqual([error.code, error.message, error.retry], [code, message, retry]);
    assert.equal(error instanceof AuthError, code.startsWith("auth."));
  });
}
