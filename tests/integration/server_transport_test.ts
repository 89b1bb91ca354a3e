import assert from "node:assert/strict";
import * as https from "node:https";
import * as net from "node:net";
import { writeFileAtomic } from "../../lib/runtime/files/atomic_file.ts";
import { readText } from "../../lib/runtime/files/file_driver.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { startServer } from "../../lib/testing/mod.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { acceptedDevice, operator, statusOf, withServer } from "../support/with_server.ts";

const ATTRIBUTES = "/v1/inventory/device/attributes";

test("an unknown path is answered 404, a wrong method 405 with Allow", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const unknown = await device.call("GET", "/v9/nothing");
    assert.equal(unknown.status, 404);
    const { request_id: requestId } = await unknown.json();
    assert.match(requestId, /^[0-9a-f-]{36}$/);
    assert.equal(unknown.headers.get("x-men-requestid"), requestId);
    const wrong = await device.call("POST", ATTRIBUTES, []);
    await wrong.body?.cancel();
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get("allow"), "PUT, PATCH");
  }));

test("bodies: wrong type 400, no JSON 400, no UTF-8 400, one MiB taken, more 413", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const send = (type: string, body: string | Uint8Array<ArrayBuffer>): Promise<number> =>
      statusOf(fetch(`${server.url}/api/devices${ATTRIBUTES}`, {
        method: "PUT",
        headers: { authorization: `Bearer ${device.token}`, "content-type": type },
        body,
      }));
    assert.equal(await send("text/plain", "[]"), 400);
    assert.equal(await send("application/json", "[{"), 400);
    assert.equal(await send("application/json", new Uint8Array([0x22, 0xff, 0x22])), 400);
    assert.equal(await send("application/json; charset=utf-8", "[]"), 200);
    const filled = (size: number): string => "[]".padEnd(size, " ");
    assert.equal(await send("application/json", filled(1024 * 1024)), 200);
    assert.equal(await send("application/json", filled(1024 * 1024 + 1)), 413);
    // The connection is still good for the next request.
    assert.equal(await send("application/json", "[]"), 200);
  }));

test("chunked request bodies and double slashes are understood", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const answer = await rawExchange(
      server.url,
      [
        `PUT //api/devices${ATTRIBUTES} HTTP/1.1`,
        "Host: 127.0.0.1",
        `Authorization: Bearer ${device.token}`,
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "",
        '10\r\n[{"name":"a","va\r\n9\r\nlue":1}]\n\r\n0\r\n\r\n',
      ].join("\r\n"),
    );
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.deepEqual(server.devices()[0]?.inventory, [{ name: "a", value: 1 }]);
  }));

test("the interceptor sees a request first, and may answer, cut or let it pass", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const from = server.journal.position;
    server.setInterceptor(async (exchange) => {
      if (exchange.method !== "PUT") return false;
      await exchange.reply(503, { "retry-after": "7" }, "busy");
      return true;
    });
    const busy = await device.call("PUT", ATTRIBUTES, []);
    assert.equal(busy.status, 503);
    assert.equal(await busy.text(), "busy");
    assert.equal(busy.headers.get("retry-after"), "7");
    assert.equal(await statusOf(device.call("PATCH", ATTRIBUTES, [])), 200);
    server.setInterceptor((exchange) => {
      exchange.reset();
      return true;
    });
    await assert.rejects(device.call("PUT", ATTRIBUTES, []));
    server.setInterceptor(undefined);
    assert.equal(await statusOf(device.call("PUT", ATTRIBUTES, [])), 200);
    // Clients may repeat a request whose connection broke, so only the kinds are compared.
    const seen = server.journal.entries.slice(from).map((entry) => entry.status);
    assert.deepEqual([...new Set(seen)], [503, 200, 0]);
  }));

test("https: clients that trust the CA get through, by name and by address; others do not", () =>
  withServer({ tls: true, autoAccept: true }, async (server) => {
    const ca = server.caCertificate ?? "";
    assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(await getStatus(server.url, ca), 401);
    assert.equal(await getStatus(server.url.replace("127.0.0.1", "localhost"), ca), 401);
    await assert.rejects(getStatus(server.url, undefined));
  }));

test("a server with a directory remembers everything over a restart", () =>
  inTemporaryDirectory(async (dir) => {
    const drivers = await hostDrivers();
    const options = { drivers, dir, password: "pw", tls: false };
    const first = await startServer(options);
    const { device, id } = await acceptedDevice(first);
    await statusOf(device.call("PUT", ATTRIBUTES, [{ name: "a", value: "1" }]));
    await first.close();
    const second = await startServer(options);
    try {
      assert.equal(second.devices()[0]?.id, id);
      assert.deepEqual(second.devices()[0]?.inventory, [{ name: "a", value: "1" }]);
      const url = `${second.url}/api/devices${ATTRIBUTES}`;
      const headers = {
        authorization: `Bearer ${device.token}`,
        "content-type": "application/json",
      };
      assert.equal(await statusOf(fetch(url, { method: "PUT", headers, body: "[]" })), 200);
      const manage = await operator(second);
      assert.equal(await statusOf(manage("GET", "/v2/devauth/devices")), 200);
    } finally {
      await second.close();
    }
  }));

test("the CA in the directory stays the same over a restart; its key is readable by us alone", () =>
  inTemporaryDirectory(async (dir) => {
    const drivers = await hostDrivers();
    const certificates: (string | undefined)[] = [];
    for (let run = 0; run < 2; run++) {
      const server = await startServer({ drivers, dir, tls: true });
      certificates.push(server.caCertificate);
      assert.equal(await getStatus(server.url, certificates[0]), 401);
      await server.close();
    }
    assert.equal(certificates[0], certificates[1]);
    assert.equal(drivers.files.stat(`${dir}/ca-key.pem`)?.mode, 0o600);
    assert.equal(drivers.files.stat(`${dir}/state.json`)?.mode, 0o600);
  }));

test("startServer() refuses another state, a taken port, and the world without a password", () =>
  inTemporaryDirectory(async (dir) => {
    const drivers = await hostDrivers();
    const code = (wanted: string) => (error: Error & { code?: string }) => error.code === wanted;
    await assert.rejects(
      startServer({ drivers, host: "0.0.0.0" }),
      code("config.password-needed"),
    );
    await withServer({ dir }, () => Promise.resolve());
    const path = `${dir}/state.json`;
    const good = JSON.parse(readText(drivers.files, path) ?? "");
    const bad: unknown[] = [{}, { schema: 1 }, { ...good, schema: 2 }, { ...good, secret: "" }];
    for (const key of Object.keys(good)) bad.push({ ...good, [key]: undefined });
    for (const state of bad) {
      const text = JSON.stringify(state);
      writeFileAtomic(drivers.files, path, text);
      await assert.rejects(startServer({ drivers, dir }), code("store.bad-state"), text);
      assert.equal(readText(drivers.files, path), text);
    }
    await withServer({}, async (server) => {
      const port = Number(new URL(server.url).port);
      await assert.rejects(startServer({ drivers, port }), code("runtime.cannot-listen"));
    });
  }));

/** Status of a device call without a token, over TLS. */
function getStatus(url: string, ca: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      method: "PUT",
      agent: false as const,
      timeout: 5000,
      ...(ca !== undefined && { ca }),
    };
    const request = https.request(`${url}/api/devices${ATTRIBUTES}`, options, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 5 s")));
    request.on("error", reject);
    request.end();
  });
}

/** Sends bytes as they are and reads until the server closes. */
function rawExchange(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const socket = net.connect(Number(port), hostname, () => socket.write(text));
    const chunks: string[] = [];
    socket.setTimeout(5000, () => socket.destroy(new Error("no end within 5 s")));
    socket.on("data", (chunk) => chunks.push(chunk.toString()));
    socket.on("error", reject);
    socket.on("end", () => {
      socket.end();
      resolve(chunks.join(""));
    });
  });
}
