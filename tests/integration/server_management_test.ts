import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { writeArtifact } from "../../lib/testing/artifact_writer.ts";
import type { FileDriver } from "../../lib/runtime/files/file_driver.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { makeDeviceKey, RawDevice } from "../support/raw_device.ts";
import {
  acceptedDevice,
  operator,
  smallArtifact,
  statusOf,
  withServer,
} from "../support/with_server.ts";

const ARTIFACTS = "/v1/deployments/artifacts";
const DEPLOYMENTS = "/v1/deployments/deployments";
const DEVICES = "/v2/devauth/devices";
const UNKNOWN = "00000000-0000-4000-8000-000000000000";

function form(parts: [string, string | Uint8Array][]): FormData {
  const data = new FormData();
  for (const [name, value] of parts) {
    if (typeof value === "string") data.append(name, value);
    else data.append(name, new Blob([value as Uint8Array<ArrayBuffer>]), "a.mender");
  }
  return data;
}

test("login gives a bare token for the right password, logout ends it", () =>
  withServer({ user: "ops", password: "pässword:1" }, async (server) => {
    const login = (user: string, password: string): Promise<Response> => {
      const bytes = new TextEncoder().encode(`${user}:${password}`);
      const basic = btoa(String.fromCharCode(...bytes));
      return fetch(`${server.url}/api/management/v1/useradm/auth/login`, {
        method: "POST",
        headers: { authorization: `Basic ${basic}`, "content-type": "application/json" },
        body: '{"token2fa":"123456"}',
      });
    };
    assert.equal(await statusOf(login("ops", "wrong")), 401);
    assert.equal(await statusOf(login("admin", "pässword:1")), 401);
    const good = await login("ops", "pässword:1");
    assert.equal(good.headers.get("content-type"), "application/jwt");
    const token = await good.text();
    assert.match(token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
    const call = (method: string, path: string): Promise<number> =>
      statusOf(fetch(`${server.url}/api/management${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
      }));
    assert.equal(await call("GET", DEVICES), 200);
    assert.equal(await call("POST", "/v1/useradm/auth/logout"), 202);
    assert.equal(await call("GET", DEVICES), 401);
  }));

test("a device token does not open the management side, nor a user token the device side", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    const headers = { authorization: `Bearer ${device.token}` };
    assert.equal(await statusOf(fetch(`${server.url}/api/management${DEVICES}`, { headers })), 401);
    assert.equal(await statusOf(fetch(`${server.url}/api/management${DEVICES}`)), 401);
    const manage = await operator(server);
    const path = "/../devices/v1/deployments/device/deployments/next?artifact_name=a&device_type=b";
    assert.equal(await statusOf(manage("GET", path)), 401);
  }));

test("devices are listed, counted, decided on and removed", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const device = new RawDevice(server.url, { mac: "1", sn: "2" });
    await statusOf(device.authenticate());
    const [listed] = await (await manage("GET", `${DEVICES}?status=pending`)).json();
    assert.deepEqual(listed.identity_data, { mac: "1", sn: "2" });
    assert.equal(listed.decommissioning, false);
    assert.equal(listed.auth_sets[0].status, "pending");
    assert.equal(listed.auth_sets[0].pubkey, device.key.publicPem);
    assert.ok(Date.parse(listed.created_ts) > 0);
    const auth = `${DEVICES}/${listed.id}/auth/${listed.auth_sets[0].id}`;
    assert.equal(await statusOf(manage("PUT", `${auth}/status`, { status: "fine" })), 400);
    assert.equal(await statusOf(manage("PUT", `${auth}/status`, { status: "accepted" })), 204);
    assert.deepEqual(await (await manage("GET", `${auth}/status`)).json(), { status: "accepted" });
    assert.equal(await statusOf(device.authenticate()), 200);
    const count = await manage("GET", `${DEVICES}/count?status=accepted`);
    assert.deepEqual(await count.json(), { count: 1 });
    assert.deepEqual(await (await manage("GET", `${DEVICES}?status=pending`)).json(), []);
    assert.equal(await statusOf(manage("GET", `${DEVICES}?status=odd`)), 400);
    assert.equal(await statusOf(manage("GET", `${DEVICES}/${UNKNOWN}`)), 404);
    assert.equal(await statusOf(manage("DELETE", auth)), 204);
    assert.equal((await (await manage("GET", `${DEVICES}/${listed.id}`)).json()).status, "noauth");
    assert.equal(await statusOf(manage("DELETE", `${DEVICES}/${listed.id}`)), 204);
    assert.equal(await statusOf(manage("DELETE", `${DEVICES}/${listed.id}`)), 404);
  }));

test("a preauthorized device gets in at its first request", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const key = makeDeviceKey("ec");
    const body = { identity_data: { mac: "1" }, pubkey: key.publicPem };
    const made = await manage("POST", DEVICES, body);
    await made.body?.cancel();
    assert.equal(made.status, 201);
    assert.equal(made.headers.get("location"), `devices/${server.devices()[0]?.id}`);
    assert.equal(await statusOf(manage("POST", DEVICES, body)), 409);
    assert.equal(server.devices()[0]?.status, "preauthorized");
    assert.equal(await statusOf(new RawDevice(server.url, { mac: "1" }, key).authenticate()), 200);
    assert.equal(server.devices()[0]?.status, "accepted");
  }));

test("preauthorizing a known device takes force, and adds a key to those that it has", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const { device, id } = await acceptedDevice(server, { mac: "1" });
    const announce = (pubkey: string, force?: unknown): Promise<number> =>
      statusOf(manage("POST", DEVICES, { identity_data: { mac: "1" }, pubkey, force }));
    const next = new RawDevice(server.url, { mac: "1" });
    const statuses = (): unknown => server.devices()[0]?.authSets.map(({ status }) => status);
    assert.equal(await announce(next.key.publicPem, false), 409);
    assert.equal(await announce(next.key.publicPem, "yes"), 400);
    assert.equal(await announce(next.key.publicPem, true), 201);
    assert.equal(await announce(device.key.publicPem, true), 201);
    assert.deepEqual(statuses(), ["accepted", "preauthorized"]);
    assert.equal(await statusOf(device.authenticate()), 200);
    assert.equal(await statusOf(next.authenticate()), 200);
    assert.deepEqual(statuses(), ["rejected", "accepted"]);
    assert.deepEqual(server.devices().map((shown) => shown.id), [id]);
  }));

test("an authorization of another device is answered 400, an unknown one 404", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const { id } = await acceptedDevice(server, { mac: "1" });
    await acceptedDevice(server, { mac: "2" });
    const other = server.devices()[1]?.authSets[0]?.id;
    const decide = (set: string | undefined): Promise<number> =>
      statusOf(manage("PUT", `${DEVICES}/${id}/auth/${set}/status`, { status: "rejected" }));
    assert.equal(await decide(other), 400);
    assert.equal(await decide(UNKNOWN), 404);
    assert.deepEqual(server.devices().map(({ status }) => status), ["accepted", "accepted"]);
  }));

test("lists come in pages with links to their neighbours", () =>
  withServer({}, async (server) => {
    for (let at = 0; at < 5; at++) {
      await statusOf(new RawDevice(server.url, { mac: `${at}` }).authenticate());
    }
    const manage = await operator(server);
    const page = await manage("GET", `${DEVICES}?page=2&per_page=2`);
    const macs = (await page.json()).map((device: { identity_data: { mac: string } }) =>
      device.identity_data.mac
    );
    assert.deepEqual(macs, ["2", "3"]);
    const link = page.headers.get("link") ?? "";
    for (const [rel, number] of [["first", 1], ["prev", 1], ["next", 3]]) {
      assert.ok(link.includes(`page=${number}&per_page=2>; rel="${rel}"`), `${rel} in ${link}`);
    }
    for (const query of ["page=0", "per_page=501", "page=x"]) {
      assert.equal(await statusOf(manage("GET", `${DEVICES}?${query}`)), 400);
    }
  }));

test("inventory shows what the device sent and what the server knows", () =>
  withServer({}, async (server) => {
    const { device, id } = await acceptedDevice(server, { mac: "1" });
    const sent = [{ name: "a", value: "1" }];
    await statusOf(device.call("PUT", "/v1/inventory/device/attributes", sent));
    const manage = await operator(server);
    const answer = await manage("GET", "/v1/inventory/devices");
    assert.equal(answer.headers.get("x-total-count"), "1");
    const [shown] = await answer.json();
    assert.equal(shown.id, id);
    const has = (name: string, value: unknown, scope: string): boolean =>
      shown.attributes.some((attribute: Record<string, unknown>) =>
        attribute.name === name && attribute.value === value && attribute.scope === scope
      );
    assert.ok(has("a", "1", "inventory") && has("mac", "1", "identity"));
    assert.ok(has("status", "accepted", "identity"));
    assert.equal(await statusOf(manage("GET", `/v1/inventory/devices/${UNKNOWN}`)), 404);
  }));

for (const kind of ["memory", "directory"] as const) {
  test(`Artifacts in ${kind} are uploaded, shown, described, fetched and deleted`, () =>
    inTemporaryDirectory((dir) =>
      withServer(kind === "memory" ? {} : { dir }, async (server) => {
        const manage = await operator(server);
        const bytes = smallArtifact("acme-8", 300_000);
        const upload = await manage(
          "POST",
          ARTIFACTS,
          form([["size", `${bytes.length}`], ["description", "first"], ["artifact", bytes], [
            "late",
            "ignored",
          ]]),
        );
        assert.equal(upload.status, 201, await upload.text());
        const location = upload.headers.get("location") ?? "";
        const path = location.replace("/api/management", "");
        const shown = await (await manage("GET", path)).json();
        assert.equal(`${ARTIFACTS}/${shown.id}`, path);
        assert.equal(shown.name, "acme-8");
        assert.equal(shown.description, "first");
        assert.deepEqual(shown.device_types_compatible, ["acme-box"]);
        assert.deepEqual(shown.info, { format: "mender", version: 3 });
        assert.equal(shown.signed, false);
        assert.equal(shown.size, bytes.length);
        assert.equal(shown.updates[0].type_info.type, "acme");
        assert.equal(shown.updates[0].files[0].name, "payload.bin");
        assert.equal(shown.updates[0].files[0].size, 300_000);
        assert.deepEqual(shown.updates[0].meta_data, []);
        assert.equal(shown.artifact_provides.artifact_name, "acme-8");
        assert.deepEqual(shown.artifact_depends.device_type, ["acme-box"]);
        assert.equal(await statusOf(manage("PUT", path, { description: "second" })), 204);
        const { uri } = await (await manage("GET", `${path}/download`)).json();
        assert.deepEqual(new Uint8Array(await (await fetch(uri)).arrayBuffer()), bytes);
        for (
          const list of [
            `${ARTIFACTS}`,
            `${ARTIFACTS}/list?name=acme-8`,
            "/v2/deployments/artifacts?device_type=acme-box&description=second",
          ]
        ) assert.equal((await (await manage("GET", list)).json()).length, 1, list);
        assert.deepEqual(await (await manage("GET", `${ARTIFACTS}/list?name=x`)).json(), []);
        assert.equal(await statusOf(manage("GET", `${ARTIFACTS}/${UNKNOWN}`)), 404);
        assert.equal(await statusOf(manage("GET", `${ARTIFACTS}/seven`)), 400);
        assert.equal(await statusOf(manage("DELETE", path)), 204);
        assert.equal(await statusOf(manage("DELETE", path)), 404);
        assert.equal(await statusOf(fetch(uri)), 404);
        if (kind === "directory") {
          assert.deepEqual((await hostDrivers()).files.list(`${dir}/artifacts`), []);
        }
      })
    ));
}

test("uploads that cannot be taken are refused and leave nothing behind", () =>
  inTemporaryDirectory((dir) =>
    withServer({ dir }, async (server) => {
      const manage = await operator(server);
      const good = smallArtifact("acme-8");
      const damaged = good.slice();
      damaged[damaged.length - 5000] = 1 ^ (damaged[damaged.length - 5000] ?? 0);
      const post = (parts: [string, string | Uint8Array][]): Promise<number> =>
        statusOf(manage("POST", ARTIFACTS, form(parts)));
      assert.equal(await post([["artifact", good.subarray(0, 3000)]]), 400);
      assert.equal(await post([["artifact", damaged]]), 400);
      assert.equal(await post([["artifact", new Uint8Array(5000)]]), 400);
      assert.equal(await post([["description", "no artifact"]]), 400);
      assert.equal(await post([["artifact_id", "7"], ["artifact", good]]), 400);
      assert.equal(await statusOf(manage("POST", ARTIFACTS, {})), 400);
      assert.deepEqual((await hostDrivers()).files.list(`${dir}/artifacts`), []);
      const id = "6d0c1a52-0000-4000-8000-000000000001";
      assert.equal(await post([["artifact_id", id], ["artifact", good]]), 201);
      assert.equal(await post([["artifact", good]]), 409);
      const other = smallArtifact("acme-9");
      assert.equal(await post([["artifact_id", id], ["artifact", other]]), 422);
      assert.equal((await (await manage("GET", ARTIFACTS)).json()).length, 1);
      assert.deepEqual((await hostDrivers()).files.list(`${dir}/artifacts`), [id]);
    })
  ));

test("Artifacts may share a name as long as no device suits both", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const post = (deviceTypes: string[], depends: Record<string, string[]> = {}) => {
      const artifact = writeArtifact({
        name: "acme-8",
        deviceTypes,
        payloadType: "acme",
        files: [{ name: "f", content: new Uint8Array(10) }],
        compression: "none",
        depends,
      });
      return manage("POST", ARTIFACTS, form([["artifact", artifact]]));
    };
    assert.equal(await statusOf(post(["a", "b"])), 201);
    assert.equal(await statusOf(post(["c"])), 201);
    const conflict = await post(["d", "b"]);
    assert.equal(conflict.status, 409);
    assert.deepEqual((await conflict.json()).metadata, { conflict: { device_type: "b" } });
    assert.equal(await statusOf(post(["a"], { "rootfs.version": ["1", "2"] })), 201);
    assert.equal(await statusOf(post(["a"], { "rootfs.version": ["3"] })), 201);
    assert.equal(await statusOf(post(["a"], { "data.version": ["2"] })), 201);
    const second = await (await post(["a"], { "rootfs.version": ["2", "4"] })).json();
    assert.deepEqual(second.metadata.conflict, { device_type: "a", "rootfs.version": "2" });
  }));

test("a size that is not that of the Artifact is noted", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const bytes = smallArtifact("acme-8");
    const post = (name: string, size: string): Promise<number> =>
      statusOf(
        manage("POST", ARTIFACTS, form([["size", size], ["artifact", smallArtifact(name)]])),
      );
    assert.equal(await post("acme-8", `${bytes.length}`), 201);
    assert.deepEqual(server.violations(), []);
    assert.equal(await post("acme-9", "12"), 201);
    assert.equal(await post("acme-10", "many"), 201);
    assert.deepEqual(server.violations().map(({ violation }) => violation), [
      `size says "12", the Artifact has ${bytes.length} bytes`,
      `size says "many", the Artifact has ${smallArtifact("acme-10").length} bytes`,
    ]);
  }));

for (const full of ["content", "state"] as const) {
  test(`an upload is answered 507 when the disk has no room for the ${full}`, () =>
    inTemporaryDirectory(async (dir) => {
      const drivers = await hostDrivers();
      let isFull = false;
      const open: FileDriver["open"] = (path, ...how) => {
        const handle = drivers.files.open(path, ...how);
        const isContent = path.includes("/artifacts/");
        if (!isFull || isContent !== (full === "content")) return handle;
        const write = (): never => {
          throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
        };
        return Object.assign(handle, { write });
      };
      const files = { ...drivers.files, open };
      await withServer({ dir, drivers: { ...drivers, files } }, async (server) => {
        const manage = await operator(server);
        await server.uploadArtifact(smallArtifact("acme-7"));
        isFull = true;
        const bytes = smallArtifact("acme-8");
        await assert.rejects(server.uploadArtifact(bytes), { code: "server.no-space" });
        assert.equal(drivers.files.list(`${dir}/artifacts`).length, 1);
        const answer = await manage("POST", ARTIFACTS, form([["artifact", bytes]]));
        assert.equal(answer.status, 507);
        assert.equal(typeof (await answer.json()).request_id, "string");
        assert.equal(drivers.files.list(`${dir}/artifacts`).length, 1);
        isFull = false;
        assert.equal((await (await manage("GET", ARTIFACTS)).json()).length, 1);
        const again = manage("POST", ARTIFACTS, form([["artifact", bytes]]));
        assert.equal(await statusOf(again), 201);
      });
    }));
}

test("an upload that is refused early is answered, however much was to follow", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const answer = await manage("POST", ARTIFACTS, form([["artifact", new Uint8Array(6_000_000)]]));
    assert.equal(answer.status, 400);
    assert.match((await answer.json()).error, /Cannot parse artifact file/);
    assert.equal(await statusOf(manage("GET", ARTIFACTS)), 200);
  }));

test("with verification keys only Artifacts signed by one of them are taken", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
  const artifact = (name: string, signWith?: typeof privateKey): Uint8Array =>
    writeArtifact({
      name,
      deviceTypes: ["acme-box"],
      payloadType: "acme",
      files: [{ name: "f", content: new Uint8Array(10) }],
      compression: "gz",
      ...(signWith !== undefined && { signWith }),
    });
  return withServer({ artifactVerifyKeys: [pem] }, async (server) => {
    await assert.rejects(server.uploadArtifact(artifact("a")), { code: "server.bad-request" });
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    await assert.rejects(server.uploadArtifact(artifact("a", stranger)), {
      code: "server.bad-request",
    });
    assert.equal((await server.uploadArtifact(artifact("a", privateKey))).name, "a");
  });
});

test("a deployment is made, watched, aborted and listed", () =>
  withServer({}, async (server) => {
    const { device, id: deviceId } = await acceptedDevice(server);
    const { id: artifactId } = await server.uploadArtifact(smallArtifact("acme-8"));
    const manage = await operator(server);
    const body = { name: "d", artifact_name: "acme-8", devices: [deviceId] };
    const made = await manage("POST", DEPLOYMENTS, body);
    await made.body?.cancel();
    assert.equal(made.status, 201);
    const path = made.headers.get("location")?.replace("/api/management", "") ?? "";
    assert.equal(await statusOf(manage("POST", DEPLOYMENTS, body)), 409);
    assert.equal(await statusOf(manage("DELETE", `${ARTIFACTS}/${artifactId}`)), 409);

    const shown = await (await manage("GET", path)).json();
    assert.equal(shown.status, "pending");
    assert.equal(shown.device_count, 1);
    assert.deepEqual(shown.artifacts, [artifactId]);
    assert.equal(shown.statistics.status.pending, 1);
    assert.equal("devices" in shown, false);
    assert.equal(shown.finished, undefined);

    await statusOf(device.next({ artifact_name: "acme-7", device_type: "acme-box" }));
    await device.report(shown.id, "downloading");
    await device.report(shown.id, "failure");
    const message = { timestamp: "2030-01-02T03:04:05Z", level: "error", message: "no good" };
    const logPath = `/v1/deployments/device/deployments/${shown.id}/log`;
    await statusOf(device.call("PUT", logPath, { messages: [message] }));
    const [row] = await (await manage("GET", `${path}/devices`)).json();
    assert.equal(row.id, deviceId);
    assert.equal(row.status, "failure");
    assert.equal(row.device_type, "acme-box");
    assert.equal(row.log, true);
    assert.equal(row.image.id, artifactId);
    assert.ok(row.started && row.finished);
    const log = await manage("GET", `${path}/devices/${deviceId}/log`);
    assert.equal(log.headers.get("content-type"), "text/plain");
    assert.equal(await log.text(), "2030-01-02 03:04:05 +0000 UTC error: no good\n");
    const failed = await manage("GET", `${path}/devices/list?status=failure`);
    assert.equal((await failed.json()).length, 1);
    assert.deepEqual(await (await manage("GET", `${path}/device_list`)).json(), [deviceId]);
    const statistics = await (await manage("GET", `${path}/statistics`)).json();
    assert.equal(statistics.failure, 1);
    assert.equal(statistics.pause_before_committing, 0);
    assert.equal(Object.keys(statistics).length, 13);
    const listed = await manage("POST", `${DEPLOYMENTS}/statistics/list`, {
      deployment_ids: [shown.id],
    });
    assert.equal((await listed.json())[0].stats.failure, 1);
    const aborted = { status: "aborted" };
    assert.equal(await statusOf(manage("PUT", `${path}/status`, aborted)), 422);
    assert.equal(await statusOf(manage("PUT", `${path}/status`, { status: "done" })), 400);

    assert.equal(await statusOf(manage("POST", DEPLOYMENTS, { ...body, name: "e" })), 201);
    const finished = await manage("GET", `${DEPLOYMENTS}?status=finished`);
    assert.equal(finished.headers.get("x-total-count"), "1");
    assert.equal((await finished.json())[0].id, shown.id);
    const [newest] = await (await manage("GET", DEPLOYMENTS)).json();
    assert.equal(newest.name, "e");
    const found = await (await manage("GET", `${DEPLOYMENTS}?search=E&status=pending`)).json();
    assert.equal(found.length, 1);
    const second = `${DEPLOYMENTS}/${newest.id}`;
    assert.equal(await statusOf(manage("PUT", `${second}/status`, aborted)), 204);
    assert.equal((await (await manage("GET", second)).json()).status, "finished");
    assert.equal(await statusOf(manage("DELETE", `${ARTIFACTS}/${artifactId}`)), 204);
  }));

test("deployments without devices, Artifact or name are refused", () =>
  withServer({}, async (server) => {
    const manage = await operator(server);
    const post = (body: Record<string, unknown>, path = DEPLOYMENTS): Promise<number> =>
      statusOf(manage("POST", path, body));
    const good = { name: "d", artifact_name: "acme-8" };
    await server.uploadArtifact(smallArtifact("acme-8"));
    assert.equal(await post({ ...good, all_devices: true }), 400);
    const { id } = await acceptedDevice(server);
    assert.equal(await post(good), 400);
    assert.equal(await post({ ...good, devices: [id], all_devices: true }), 400);
    assert.equal(await post({ ...good, devices: [7] }), 400);
    assert.equal(await post({ artifact_name: "acme-8", all_devices: true }), 400);
    assert.equal(await post({ name: "d", all_devices: true }), 400);
    assert.equal(await post({ ...good, artifact_name: "none", all_devices: true }), 422);
    assert.equal(await post(good, `${DEPLOYMENTS}/group/lab`), 400);
    const group = `/v1/inventory/devices/${id}/group`;
    assert.equal(await statusOf(manage("PUT", group, { group: "lab" })), 204);
    for (const extra of [{ devices: [id] }, { devices: [] }, { all_devices: true }]) {
      assert.equal(await post({ ...good, ...extra }, `${DEPLOYMENTS}/group/lab`), 400);
    }
    assert.equal(await post(good, `${DEPLOYMENTS}/group/lab`), 201);
    assert.equal(await statusOf(manage("DELETE", `${group}/lab`)), 204);
    assert.equal(await statusOf(manage("GET", `${DEPLOYMENTS}/${UNKNOWN}`)), 404);
  }));
