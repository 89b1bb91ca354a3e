import assert from "node:assert/strict";
import type { Authorization } from "../../../lib/api/device_session.ts";
import type { ScriptedAnswer } from "../../support/scripted_http.ts";
import { AUTHENTICATION, sessionOn, tokenOf } from "../../support/scripted_session.ts";
import { test } from "../../support/test.ts";

const serverUrl = "https://one.example";
const first: Authorization = { token: tokenOf(1), serverUrl };
const second: Authorization = { token: tokenOf(2), serverUrl };
const granted = (number: number): ScriptedAnswer => ({ body: tokenOf(number) });
const refused: ScriptedAnswer = { status: 401 };
const broken: ScriptedAnswer = { status: 500 };

/** Authenticates once for each answer, whether that goes well or not; gives what was told. */
async function told(answers: readonly ScriptedAnswer[]): Promise<(Authorization | undefined)[]> {
  const seen: (Authorization | undefined)[] = [];
  const { session } = sessionOn(answers, { onStanding: (standing) => seen.push(standing) });
  for (const _ of answers) await session.authenticate().catch(() => {}); // seen by what is told
  return seen;
}

const rows: [name: string, answers: ScriptedAnswer[], told: (Authorization | undefined)[]][] = [
  ["each new token", [granted(1), granted(2)], [first, second]],
  ["the same token again", [granted(1), granted(1)], [first, first]],
  ["a refusal, which is no token", [granted(1), refused], [first, undefined]],
  ["a failure of the server, with the token known before", [granted(1), broken], [first, first]],
  ["a failure without a token known before", [broken, granted(1)], [undefined, first]],
  [
    "a failure after a refusal, which is no token still",
    [granted(1), refused, broken],
    [first, undefined, undefined],
  ],
];
for (const [name, answers, expected] of rows) {
  test(`DeviceSession tells ${name}`, async () => {
    assert.deepEqual(await told(answers), expected);
  });
}

test("DeviceSession tells a token that is replaced, and one that is refused and forgotten", async () => {
  const seen: (Authorization | undefined)[] = [];
  let [tokens, calls] = [0, 0];
  const { session } = sessionOn((request) => {
    if (request.path === AUTHENTICATION) return granted(++tokens);
    return ++calls === 2 ? { status: 204 } : refused;
  }, { onStanding: (standing) => seen.push(standing) });
  await session.call({ method: "GET", path: "/api/devices/x" });
  assert.deepEqual(seen, [first, second]);
  await assert.rejects(session.call({ method: "GET", path: "/api/devices/x" }));
  assert.deepEqual(seen.slice(2), [{ token: tokenOf(3), serverUrl }, undefined]);
  session.forget();
  assert.equal(seen.at(-1), undefined);
});

test("DeviceSession tells nothing of an attempt that was given up", async () => {
  const seen: (Authorization | undefined)[] = [];
  const controller = new AbortController();
  const { session } = sessionOn(() => {
    controller.abort(new Error("enough"));
    return broken;
  }, { onStanding: (standing) => seen.push(standing) });
  await assert.rejects(session.authenticate(controller.signal), /enough/);
  assert.deepEqual(seen, []);
});
