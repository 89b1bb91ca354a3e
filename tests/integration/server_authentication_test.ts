import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { test } from "../support/test.ts";
import { makeDeviceKey, RawDevice, signBody } from "../support/raw_device.ts";
import { acceptedDevice, movableClock, statusOf, withServer } from "../support/with_server.ts";

const IDENTITY = { mac: "02:11:22:33:44:55", sn: "7" };
const ATTRIBUTES = "/v1/inventory/device/attributes";

for (const kind of ["rsa", "ec", "ed25519"] as const) {
  test(`auth_requests takes the signature of an ${kind} key over the exact bytes`, () =>
    withServer({ autoAccept: true }, async (server) => {
      const device = new RawDevice(server.url, IDENTITY, makeDeviceKey(kind));
      const good = await device.authenticate();
      assert.equal(good.status, 200);
      assert.equal(good.headers.get("content-type"), "application/jwt");
      const token = await good.text();
      const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
      assert.equal(claims.sub, server.devices()[0]?.id);
      assert.equal(claims.iss, "Mender");
      assert.equal(claims["mender.device"], true);
      assert.equal(typeof claims.jti, "string");
      assert.ok(claims.exp > Date.now() / 1000 + 600_000);

      const body = JSON.stringify({
        id_data: JSON.stringify(IDENTITY),
        pubkey: device.key.publicPem,
      });
      const other = await device.sendAuth(`${body}\n`, signBody(device.key, body));
      assert.equal(other.status, 401);
      assert.equal((await other.json()).error, "signature verification failed");
      // With the line end of the Go client signed as well it is right.
      const newline = device.sendAuth(`${body}\n`, signBody(device.key, `${body}\n`));
      assert.equal(await statusOf(newline), 200);
    }));
}

test("auth_requests refuses an ECDSA signature that is not DER", () =>
  withServer({ autoAccept: true }, async (server) => {
    const device = new RawDevice(server.url, IDENTITY, makeDeviceKey("ec"));
    const body = JSON.stringify({
      id_data: JSON.stringify(IDENTITY),
      pubkey: device.key.publicPem,
    });
    const raw = sign("sha256", Buffer.from(body), {
      key: device.key.privateKey,
      dsaEncoding: "ieee-p1363",
    });
    assert.equal(await statusOf(device.sendAuth(body, raw.toString("base64"))), 401);
    assert.equal(await statusOf(device.sendAuth(body, "not base64!")), 401);
    assert.equal(server.devices().length, 0);
  }));

const pem = makeDeviceKey("ed25519").publicPem;
const BAD_BODIES: [string, unknown][] = [
  ["no id_data", { pubkey: pem }],
  ["empty id_data", { id_data: "", pubkey: pem }],
  ["id_data that is no JSON", { id_data: "mac=1", pubkey: pem }],
  ["id_data that is a list", { id_data: "[1]", pubkey: pem }],
  ["id_data that is not in a string", { id_data: { mac: "1" }, pubkey: pem }],
  ["no pubkey", { id_data: "{}" }],
  ["pubkey of another PEM type", {
    id_data: '{"a":"b"}',
    pubkey: pem.replaceAll("PUBLIC KEY", "RSA PUBLIC KEY"),
  }],
  ["pubkey that is damaged", {
    id_data: '{"a":"b"}',
    pubkey: "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
  }],
  ["a list", []],
];
for (const [name, body] of BAD_BODIES) {
  test(`auth_requests answers 400 to ${name}`, () =>
    withServer({}, async (server) => {
      const device = new RawDevice(server.url, IDENTITY);
      const text = JSON.stringify(body);
      const answer = await device.sendAuth(text, signBody(device.key, text));
      assert.equal(answer.status, 400);
      const error = await answer.json();
      assert.equal(error.request_id, answer.headers.get("x-men-requestid"));
      assert.equal(typeof error.error, "string");
    }));
}

test("auth_requests answers 400 without a signature and to text that is no JSON", () =>
  withServer({}, async (server) => {
    const device = new RawDevice(server.url, IDENTITY);
    const body = JSON.stringify({ id_data: '{"a":"b"}', pubkey: device.key.publicPem });
    assert.equal(await statusOf(device.sendAuth(body, undefined)), 400);
    assert.equal(await statusOf(device.sendAuth("{", signBody(device.key, "{"))), 400);
  }));

test("a device waits until it is accepted, and is out once it is rejected", () =>
  withServer({}, async (server) => {
    const device = new RawDevice(server.url, IDENTITY);
    const waiting = await device.authenticate();
    assert.equal(waiting.status, 401);
    assert.equal((await waiting.json()).error, "dev auth: unauthorized");
    const [known] = server.devices();
    assert.equal(known?.status, "pending");
    assert.deepEqual(known?.identity, IDENTITY);
    server.acceptDevice(known?.id ?? "");
    assert.equal(await statusOf(device.authenticate()), 200);
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 200);
    server.rejectDevice(known?.id ?? "");
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 401);
    assert.equal(await statusOf(device.authenticate()), 401);
    assert.equal(server.devices()[0]?.status, "rejected");
  }));

test("identity is the sorted JSON of id_data; its values count as they are", () =>
  withServer({}, async (server) => {
    const key = makeDeviceKey("ed25519");
    const identities = [{ mac: "1", sn: "2" }, { sn: "2", mac: "1" }, { mac: ["1"], sn: "2" }];
    for (const identity of identities) {
      await statusOf(new RawDevice(server.url, identity, key).authenticate());
    }
    assert.deepEqual(server.devices().map(({ authSets }) => authSets.length), [1, 1]);
    assert.deepEqual(server.violations(), []);
  }));

test("a new key of a known device is a new auth set; accepting it rejects the old one", () =>
  withServer({}, async (server) => {
    const { device, id } = await acceptedDevice(server, IDENTITY);
    const again = new RawDevice(server.url, IDENTITY);
    assert.equal(await statusOf(again.authenticate()), 401);
    assert.equal(await statusOf(device.authenticate()), 200);
    server.acceptDevice(id);
    assert.equal(await statusOf(again.authenticate()), 200);
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 401);
    assert.deepEqual(server.devices()[0]?.authSets.map(({ status }) => status), [
      "rejected",
      "accepted",
    ]);
  }));

test("with autoAccept only the first key of a device gets in by itself", () =>
  withServer({ autoAccept: true }, async (server) => {
    const device = new RawDevice(server.url, IDENTITY);
    assert.equal(await statusOf(device.authenticate()), 200);
    const second = new RawDevice(server.url, IDENTITY);
    assert.equal(await statusOf(second.authenticate()), 401);
    assert.equal(await statusOf(second.authenticate()), 401);
    assert.equal(await statusOf(device.authenticate()), 200);
    const statuses = server.devices()[0]?.authSets.map(({ status }) => status);
    assert.deepEqual(statuses, ["accepted", "pending"]);
    server.acceptDevice(server.devices()[0]?.id ?? "");
    assert.equal(await statusOf(second.authenticate()), 200);
  }));

const EC_KEYS: [curve: string, der: string | undefined, isTaken: boolean][] = [
  // openssl ecparam -name secp224r1 -genkey -noout | openssl ec -pubout
  [
    "secp224r1",
    "ME4wEAYHKoZIzj0CAQYFK4EEACEDOgAEP22rTuYu0HyFDvPdGHoRhPI+8aAa0dzQLrsW0LkCuU6EPPN7tnC4ZfEyd5KtAg/dximewLb2kqo=",
    true,
  ],
  ["P-256", undefined, true],
  ["P-384", undefined, true],
  ["P-521", undefined, true],
  // The same with -name secp256k1, which the real server does not know.
  [
    "secp256k1",
    "MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEILC7HtJ6KU13itqQKWj9ZyTOhqAMZzEf+7uqANyiUrmc9s016AFKgb8h9RInh4ZEr/FHv93uK0OK95MDAOLpmg==",
    false,
  ],
];
for (const [curve, der, isTaken] of EC_KEYS) {
  test(`auth_requests ${isTaken ? "takes" : "answers 400 to"} a public key on ${curve}`, () =>
    withServer({}, async (server) => {
      const pubkey = der === undefined
        ? generateKeyPairSync("ec", { namedCurve: curve }).publicKey
          .export({ type: "spki", format: "pem" }).toString()
        : `-----BEGIN PUBLIC KEY-----\n${
          der.replace(/.{64}/g, "$&\n")
        }\n-----END PUBLIC KEY-----\n`;
      const device = new RawDevice(server.url, IDENTITY);
      const body = JSON.stringify({ id_data: '{"a":"b"}', pubkey });
      // The key is read before the signature, which is another key's, is looked at.
      assert.equal(
        await statusOf(device.sendAuth(body, signBody(device.key, body))),
        isTaken ? 401 : 400,
      );
    }));
}

test("an expired token is answered 403 once and 401 from then on", async () => {
  const { drivers, advance } = await movableClock();
  await withServer({ drivers, tokenLifeSeconds: 60 }, async (server) => {
    const { device } = await acceptedDevice(server);
    advance(59_000);
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 200);
    advance(2000);
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 403);
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 401);
    assert.equal(await statusOf(device.authenticate()), 200);
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 200);
  });
});

test("revoked, forged and missing tokens are answered 401", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const good = device.token;
    const [header, payload] = good.split(".");
    for (const bad of ["", "x.y.z", `${header}.${payload}.AAAA`, good.slice(0, -1)]) {
      device.token = bad;
      assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 401);
    }
    device.token = good;
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 200);
    server.revokeTokens();
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 401);
  }));

test("the tenant token counts when the server has one, and never shows in the journal", () =>
  withServer({ autoAccept: true, tenantToken: "tt-91" }, async (server) => {
    const device = new RawDevice(server.url, IDENTITY);
    assert.equal(await statusOf(device.authenticate()), 401);
    assert.equal(await statusOf(device.authenticate({ tenant_token: "tt-90" })), 401);
    assert.equal(await statusOf(device.authenticate({ tenant_token: "tt-91" })), 200);
    await statusOf(device.call("PUT", ATTRIBUTES, []));
    const text = JSON.stringify(server.journal.entries);
    assert.ok(!text.includes("tt-9"));
    assert.ok(!text.includes(device.token));
    assert.equal(server.journal.entries.at(-1)?.headers.authorization, "Bearer ***");
  }));

test("the journal names the device, and notes keys that the contract does not know", () =>
  withServer({ autoAccept: true }, async (server) => {
    const device = new RawDevice(server.url, IDENTITY);
    await statusOf(device.authenticate({ tier: "standard" }));
    assert.deepEqual(server.violations(), []);
    assert.equal(server.journal.entries[0]?.deviceId, server.devices()[0]?.id);
    await statusOf(device.authenticate({ flavour: "x" }));
    assert.equal(server.violations()[0]?.violation, "unknown keys flavour");
  }));
