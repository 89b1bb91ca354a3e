import assert from "node:assert/strict";
import { NextDeploymentPoll, parseOffer } from "../../../lib/api/next_deployment.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import {
  AUTHENTICATION,
  authorisedOn,
  sessionOn,
  tokenOf,
} from "../../support/scripted_session.ts";
import { test } from "../../support/test.ts";

const ID = "5b1d2f3a-0000-4000-8000-00000000000f";
const V1 = "/api/devices/v1/deployments/device/deployments/next";
const V2 = "/api/devices/v2/deployments/device/deployments/next";
const GET = `GET ${V1}?artifact_name=a+%26+b&device_type=acme-box`;
const provides = { device_type: "acme-box", artifact_name: "a & b", artifact_group: "g1" };

const offer = {
  id: ID,
  artifact: {
    id: "x",
    artifact_name: "release-2",
    device_types_compatible: ["acme-box"],
    source: { uri: "https://s3.example/a?X-Amz-Signature=1", expire: "2031-02-03T04:05:06Z" },
  },
  update_control_map: null,
};

const routes: [name: string, has: (path: string) => boolean, calls: string[]][] = [
  ["all routes", () => true, [`POST ${V2}`]],
  ["only version 1", (route) => !route.includes("/v2/"), [`POST ${V2}`, `POST ${V1}`]],
  ["only GET", (route) => route.startsWith("GET"), [`POST ${V2}`, `POST ${V1}`, GET]],
];
for (const [name, has, calls] of routes) {
  test(`ask() finds its way on a server that has ${name}, and remembers it`, async () => {
    const { session, http, clock } = authorisedOn(({ method, path }) => ({
      status: has(`${method} ${path}`) ? 204 : 404,
    }));
    const poll = new NextDeploymentPoll(session, clock);
    assert.equal(await poll.ask(provides), undefined);
    assert.deepEqual(http.calls.slice(1), calls);
    assert.equal(await poll.ask(provides), undefined);
    assert.deepEqual(http.calls.slice(1), [...calls, calls.at(-1)]);
  });
}

test("ask() says what the device provides in the form of each route", async () => {
  const { session, http, clock } = authorisedOn(({ method }) => ({
    status: method === "GET" ? 204 : 404,
  }));
  await new NextDeploymentPoll(session, clock).ask(provides);
  assert.deepEqual(http.requests[1]?.json(), {
    device_provides: provides,
    update_control_map: true,
  });
  assert.deepEqual(http.requests[2]?.json(), provides);
  assert.equal(http.requests[3]?.body, undefined);
});

test("ask() fails when no route exists, and looks at all of them again", async () => {
  const { session, http, clock } = authorisedOn(() => ({ status: 404 }));
  const poll = new NextDeploymentPoll(session, clock);
  for (let round = 1; round <= 2; round++) {
    await assert.rejects(poll.ask(provides), (error) => isMenderError(error, "api.refused"));
    assert.equal(http.requests.length, 1 + 3 * round);
  }
});

test("ask() looks again when the route that it knows is gone", async () => {
  let isUpgraded = false;
  const { session, http, clock } = authorisedOn(({ path }) => ({
    status: path.includes("/v2/") === isUpgraded ? 204 : 404,
  }));
  const poll = new NextDeploymentPoll(session, clock);
  await poll.ask(provides);
  isUpgraded = true;
  await assert.rejects(poll.ask(provides));
  await poll.ask(provides);
  assert.deepEqual(http.calls.slice(1), [`POST ${V2}`, `POST ${V1}`, `POST ${V1}`, `POST ${V2}`]);
});

test("ask() forgets the route when the server changes", async () => {
  let isOneDown = false;
  const { session, http, clock } = sessionOn((request) => {
    const isOne = request.url.startsWith("https://one.");
    if (isOne && isOneDown) return { status: 503 };
    if (request.path === AUTHENTICATION) return { body: tokenOf(1) };
    return { status: isOne && request.path === V2 ? 404 : 204 };
  }, { servers: ["https://one.example", "https://two.example"] });
  const poll = new NextDeploymentPoll(session, clock);
  await poll.ask(provides);
  isOneDown = true;
  await session.authenticate();
  await poll.ask(provides);
  assert.equal(http.requests.at(-1)?.url, `https://two.example${V2}`);
});

for (
  const [status, code] of [[400, "api.refused"], [409, "api.refused"], [
    500,
    "api.server-error",
  ]] as const
) {
  test(`ask() that is answered ${status} fails with ${code} and tries no other route`, async () => {
    const { session, http, clock } = authorisedOn(() => ({ status }));
    await assert.rejects(
      new NextDeploymentPoll(session, clock).ask(provides),
      (error) => isMenderError(error, code),
    );
    assert.equal(http.requests.length, 2);
  });
}

test("ask() gives the offer", async () => {
  const { session, clock } = authorisedOn(() => ({ body: JSON.stringify(offer) }));
  assert.deepEqual(await new NextDeploymentPoll(session, clock).ask(provides), {
    id: ID,
    artifactName: "release-2",
    deviceTypes: ["acme-box"],
    uri: "https://s3.example/a?X-Amz-Signature=1",
  });
});

/** The offer with another value at a path; without one the key is left out. */
function changed(path: string, value?: unknown): string {
  const copy = structuredClone(offer) as Record<string, unknown>;
  const keys = path.split(".");
  let at = copy;
  for (const key of keys.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[keys.at(-1)!] = value;
  return JSON.stringify(copy);
}

const bad: [name: string, text: string, code: string][] = [
  ["nothing", "", "api.bad-answer"],
  ["a page", "<html></html>", "api.bad-answer"],
  ["a list", "[]", "api.bad-answer"],
  ["null", "null", "api.bad-answer"],
  ["an empty object", "{}", "api.bad-answer"],
  ["no ID", changed("id"), "api.bad-answer"],
  ["a number as ID", changed("id", 5), "api.bad-answer"],
  ["an ID that leads elsewhere", changed("id", "../../etc"), "api.bad-deployment-id"],
  ["an empty ID", changed("id", ""), "api.bad-deployment-id"],
  ["no Artifact", changed("artifact"), "api.bad-answer"],
  ["a text as Artifact", changed("artifact", "release-2"), "api.bad-answer"],
  ["no name", changed("artifact.artifact_name"), "api.bad-answer"],
  ["an empty name", changed("artifact.artifact_name", ""), "api.bad-answer"],
  ["an endless name", changed("artifact.artifact_name", "x".repeat(5000)), "api.bad-answer"],
  ["no device types", changed("artifact.device_types_compatible"), "api.bad-answer"],
  ["an empty list of types", changed("artifact.device_types_compatible", []), "api.bad-answer"],
  ["a number among types", changed("artifact.device_types_compatible", [1]), "api.bad-answer"],
  ["no source", changed("artifact.source"), "api.bad-answer"],
  ["no link", changed("artifact.source.uri"), "api.bad-answer"],
  ["a link to a file", changed("artifact.source.uri", "file:///etc/shadow"), "api.bad-answer"],
  ["a link with its data", changed("artifact.source.uri", "data:,x"), "api.bad-answer"],
  ["a link of another scheme", changed("artifact.source.uri", "ftp://h/a"), "api.bad-answer"],
  ["a link without a host", changed("artifact.source.uri", "/a.mender"), "api.bad-answer"],
];
for (const [name, text, code] of bad) {
  test(`parseOffer() refuses ${name}`, () => {
    assert.throws(() => parseOffer(text), (error) => {
      assert.ok(isMenderError(error, code), String(error));
      assert.doesNotMatch(error.message, /Signature/);
      return true;
    });
  });
}

test("parseOffer() lets keys pass that it does not know", () => {
  assert.equal(parseOffer(changed("later", { a: 1 })).id, ID);
});
