import assert from "node:assert/strict";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { test } from "../support/test.ts";
import type { RawDevice } from "../support/raw_device.ts";
import { acceptedDevice, smallArtifact, statusOf, withServer } from "../support/with_server.ts";

const PROVIDES = { artifact_name: "acme-7", device_type: "acme-box" };
const V1 = "/v1/deployments/device/deployments";
const V2 = "/v2/deployments/device/deployments";

/** A server with one accepted device and the Artifact `acme-8`. */
function withDevice(
  body: (parts: { server: MenderServer; device: RawDevice; id: string }) => Promise<void>,
  nextVersions: ("v1" | "v2")[] = ["v2", "v1"],
): Promise<void> {
  return withServer({ nextVersions }, async (server) => {
    const { device, id } = await acceptedDevice(server);
    await server.uploadArtifact(smallArtifact("acme-8"));
    await body({ server, device, id });
  });
}

const row = (server: MenderServer, deployment: string) =>
  server.deployment(deployment).devices[0] ?? assert.fail("no device in the deployment");

test("next offers the Artifact that fits, the same deployment until it is final", () =>
  withDevice(async ({ server, device }) => {
    assert.equal(await statusOf(device.next(PROVIDES)), 204);
    const id = server.createDeployment({ artifactName: "acme-8" });
    assert.equal(server.deployment(id).status, "pending");
    const offer = await (await device.next(PROVIDES)).json();
    assert.equal(offer.id, id);
    assert.equal(offer.artifact.artifact_name, "acme-8");
    assert.deepEqual(offer.artifact.device_types_compatible, ["acme-box"]);
    assert.equal(offer.update_control_map, null);
    assert.ok(offer.artifact.source.uri.startsWith(`${server.url}/`));
    assert.ok(Date.parse(offer.artifact.source.expire) > Date.now());
    assert.equal((await (await device.next(PROVIDES)).json()).id, id);

    for (const status of ["downloading", "installing", "rebooting", "installing"]) {
      assert.equal(await device.report(id, status, "a word"), 204);
      assert.equal(server.deployment(id).status, "inprogress");
      assert.equal((await (await device.next(PROVIDES)).json()).id, id);
    }
    assert.equal(row(server, id).substate, "a word");
    assert.equal(await device.report(id, "success"), 204);
    assert.equal(server.deployment(id).status, "finished");
    assert.deepEqual(row(server, id).history.map(({ status }) => status), [
      "downloading",
      "installing",
      "rebooting",
      "installing",
      "success",
    ]);
    assert.equal(await statusOf(device.next({ ...PROVIDES, artifact_name: "acme-8" })), 204);
    assert.deepEqual(server.violations(), []);
  }));

test("next of version 1 works by POST and by GET, without a map", () =>
  withDevice(async ({ server, device }) => {
    assert.equal(await statusOf(device.next(PROVIDES)), 404);
    const id = server.createDeployment({ artifactName: "acme-8" });
    const query = new URLSearchParams(PROVIDES);
    for (
      const answer of [
        await device.call("POST", `${V1}/next`, PROVIDES),
        await device.call("GET", `${V1}/next?${query}`),
      ]
    ) {
      const offer = await answer.json();
      assert.equal(offer.id, id);
      assert.equal("update_control_map" in offer, false);
    }
  }, ["v1"]));

test("next of version 1 is not there when only version 2 is wanted", () =>
  withDevice(async ({ device }) => {
    assert.equal(await statusOf(device.call("POST", `${V1}/next`, PROVIDES)), 404);
    assert.equal(await statusOf(device.call("GET", `${V1}/next?artifact_name=a`)), 404);
    assert.equal(await statusOf(device.next(PROVIDES)), 204);
  }, ["v2"]));

const BAD_PROVIDES: [string, Record<string, unknown>][] = [
  ["no artifact_name", { device_type: "acme-box" }],
  ["no device_type", { artifact_name: "acme-7" }],
  ["an empty name", { artifact_name: "", device_type: "acme-box" }],
  ["a name that is too long", { artifact_name: "n".repeat(4097), device_type: "acme-box" }],
  ["a list as value", { ...PROVIDES, "rootfs-image.version": ["a"] }],
];
for (const [name, provides] of BAD_PROVIDES) {
  test(`next answers 400 to ${name}`, () =>
    withDevice(async ({ device }) => {
      assert.equal(await statusOf(device.next(provides)), 400);
      assert.equal(await statusOf(device.call("POST", `${V1}/next`, provides)), 400);
    }));
}

test("next ends the deployment as noartifact when no Artifact fits the device type", () =>
  withDevice(async ({ server, device }) => {
    const id = server.createDeployment({ artifactName: "acme-8" });
    assert.equal(await statusOf(device.next({ ...PROVIDES, device_type: "other" })), 204);
    assert.equal(row(server, id).status, "noartifact");
    assert.equal(server.deployment(id).status, "finished");
  }));

test("next ends the deployment as already-installed, unless it is forced", () =>
  withDevice(async ({ server, device }) => {
    const provides = { ...PROVIDES, artifact_name: "acme-8" };
    const id = server.createDeployment({ artifactName: "acme-8" });
    assert.equal(await statusOf(device.next(provides)), 204);
    assert.equal(row(server, id).status, "already-installed");
    const forced = server.createDeployment({ artifactName: "acme-8", force: true });
    assert.equal((await (await device.next(provides)).json()).id, forced);
  }));

test("next answers 409 and fails the deployment when the device changes what it provides", () =>
  withDevice(async ({ server, device }) => {
    const id = server.createDeployment({ artifactName: "acme-8" });
    assert.equal(await statusOf(device.next(PROVIDES)), 200);
    assert.equal(await statusOf(device.next({ ...PROVIDES, artifact_name: "acme-6" })), 409);
    assert.equal(row(server, id).status, "failure");
    assert.equal(await statusOf(device.next(PROVIDES)), 204);
  }));

test("next offers the oldest of several deployments first", () =>
  withDevice(async ({ server, device }) => {
    await server.uploadArtifact(smallArtifact("acme-9"));
    const first = server.createDeployment({ artifactName: "acme-9" });
    const second = server.createDeployment({ artifactName: "acme-8" });
    assert.equal((await (await device.next(PROVIDES)).json()).id, first);
    await device.report(first, "success");
    const provides = { ...PROVIDES, artifact_name: "acme-9" };
    assert.equal((await (await device.next(provides)).json()).id, second);
  }));

test("an aborted deployment answers reports with 409 and is not offered any more", () =>
  withDevice(async ({ server, device }) => {
    const id = server.createDeployment({ artifactName: "acme-8" });
    await statusOf(device.next(PROVIDES));
    await device.report(id, "downloading");
    server.abortDeployment(id);
    assert.equal(await device.report(id, "installing"), 409);
    assert.equal(row(server, id).status, "aborted");
    assert.equal(await statusOf(device.next(PROVIDES)), 204);
    assert.throws(() => server.abortDeployment(id), { code: "server.unprocessable" });
  }));

test("a decommissioned device is out, and its deployment over", () =>
  withDevice(async ({ server, device, id: deviceId }) => {
    const id = server.createDeployment({ artifactName: "acme-8" });
    await statusOf(device.next(PROVIDES));
    server.decommissionDevice(deviceId);
    assert.equal(await device.report(id, "downloading"), 401);
    assert.equal(row(server, id).status, "decommissioned");
    assert.deepEqual(server.devices(), []);
  }));

test("status answers 404 to foreign deployments and 400 to words that are not the device's", () =>
  withDevice(async ({ server, device }) => {
    const id = server.createDeployment({ artifactName: "acme-8" });
    await statusOf(device.next(PROVIDES));
    assert.equal(await device.report("00000000-0000-4000-8000-000000000000", "downloading"), 404);
    const other = await acceptedDevice(server, { mac: "02:00:00:00:00:02" });
    assert.equal(await other.device.report(id, "downloading"), 404);
    for (const status of ["", "done", "pending", "aborted", "noartifact", "decommissioned"]) {
      assert.equal(await device.report(id, status), 400, status);
    }
    assert.equal(row(server, id).status, "pending");
  }));

test("status takes what the real server takes, and notes what a client should not have sent", () =>
  withDevice(async ({ server, device }) => {
    const id = server.createDeployment({ artifactName: "acme-8" });
    assert.equal(await device.report(id, "downloading"), 204);
    await statusOf(device.next(PROVIDES));
    assert.equal(await device.report(id, "rebooting"), 204);
    assert.equal(await device.report(id, "downloading"), 204);
    assert.equal(await device.report(id, "downloading", "lost"), 204);
    assert.equal(row(server, id).substate, undefined);
    assert.equal(await device.report(id, "downloading"), 204);
    assert.equal(await device.report(id, "failure"), 204);
    assert.equal(await device.report(id, "failure"), 204);
    assert.equal(await device.report(id, "success"), 204);
    assert.deepEqual(row(server, id).history.map(({ status }) => status), [
      "downloading",
      "rebooting",
      "downloading",
      "failure",
      "success",
    ]);
    assert.deepEqual(server.violations().map(({ violation }) => violation), [
      "status downloading for a deployment that was not offered yet",
      "status downloading after rebooting",
      "substate of status downloading changed without the status, and is lost",
      "status success after the final status failure",
    ]);
    assert.equal(row(server, id).status, "success");
  }));

const line = (message: string) => ({
  timestamp: "2030-01-02T03:04:05.678Z",
  level: "info",
  message,
});

test("log is stored, replaced by a second one, and belongs to a failure", () =>
  withDevice(async ({ server, device, id: deviceId }) => {
    const id = server.createDeployment({ artifactName: "acme-8" });
    await statusOf(device.next(PROVIDES));
    const put = (messages: unknown): Promise<number> =>
      statusOf(device.call("PUT", `${V1}/${id}/log`, { messages }));
    assert.equal(server.deploymentLog(id, deviceId), undefined);
    assert.equal(await put([line("early")]), 204);
    assert.equal(server.violations()[0]?.violation, "log sent in status pending, not failure");
    await device.report(id, "failure");
    assert.equal(await put([line("one"), line("two")]), 204);
    assert.deepEqual(server.deploymentLog(id, deviceId), [line("one"), line("two")]);
    assert.equal(server.violations().length, 1);
    const bad: unknown[] = [
      undefined,
      [],
      ["text"],
      [{ ...line("x"), message: "" }],
      [{ ...line("x"), level: 3 }],
      [{ ...line("x"), timestamp: "2030-01-02 03:04:05" }],
      [{ ...line("x"), timestamp: "2030-13-02T03:04:05Z" }],
      [line("good"), { message: "bad" }],
    ];
    for (const messages of bad) assert.equal(await put(messages), 400, JSON.stringify(messages));
    assert.equal(server.deploymentLog(id, deviceId)?.length, 2);
    const path = `${V1}/00000000-0000-4000-8000-000000000000/log`;
    assert.equal(await statusOf(device.call("PUT", path, { messages: [line("x")] })), 404);
  }));

test("an Update Control Map comes with the offer, can be changed, and ends with the deployment", () =>
  withDevice(async ({ server, device }) => {
    const map = { priority: 0, states: { ArtifactInstall_Enter: { action: "pause" } } };
    const id = server.createDeployment({ artifactName: "acme-8", updateControlMap: map });
    const offer = await (await device.next(PROVIDES)).json();
    assert.deepEqual(offer.update_control_map, { ...map, id });
    const refresh = () => device.call("GET", `${V2}/${id}/update_control_map`);
    server.setUpdateControlMap(id, { priority: 1 });
    assert.deepEqual(await (await refresh()).json(), { update_control_map: { priority: 1, id } });
    server.setUpdateControlMap(id, undefined);
    assert.deepEqual(await (await refresh()).json(), { update_control_map: null });
    server.abortDeployment(id);
    assert.equal(await statusOf(refresh()), 404);
  }));
