import assert from "node:assert/strict";
import { Device } from "../../../lib/device/device.ts";
import { loadConfig } from "../../../lib/config/mod.ts";
import { Redactor } from "../../../lib/log/redactor.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { type RigOptions, withRig } from "../../support/client_rig.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { type Script, ScriptedHttp } from "../../support/scripted_http.ts";
import { AUTHENTICATION, tokenOf } from "../../support/scripted_session.ts";
import { test } from "../../support/test.ts";

/** Runs a test body with a device whose server answers by a script. */
function withDevice(
  script: Script,
  body: (device: Device, redactor: Redactor) => Promise<void>,
  config: RigOptions["config"] = {},
): Promise<void> {
  return withRig({ serverUrl: "https://mender.example", config }, async ({ paths }) => {
    const host = await hostDrivers();
    const drivers = { ...host, http: () => Promise.resolve(new ScriptedHttp(script)) };
    const redactor = new Redactor();
    const logger = logRecorder();
    const device = await Device.open({
      drivers,
      paths,
      config: loadConfig({ files: host.files, paths, logger }),
      logger,
      loggerWith: () => logger,
      redactor,
    });
    try {
      await body(device, redactor);
    } finally {
      device.close();
    }
  });
}

test("Device tells the redactor of the tenant token and of every token of the server", () => {
  // Nothing in the form of these tokens says that they are secrets.
  const tokens = ["first-0042.token.of-it", "second-0042.token.of-it"];
  let number = 0;
  return withDevice(() => ({ body: tokens[number++] ?? "" }), async (device, redactor) => {
    for (const token of tokens) {
      assert.equal(redactor.redact(`sent ${token}`), `sent ${token}`);
      await device.authenticate();
      assert.equal(redactor.redact(`sent ${token}`), "sent ***");
    }
    assert.equal(redactor.redact("with tenant-0042"), "with ***");
  }, { TenantToken: "tenant-0042" });
});

test("Device tells the redactor of a link before anything asks for it", () => {
  // Nothing in its form says that this link is a secret.
  const uri = "https://files.example/7Kq2vXw9/release-2.mender";
  const stop = new AbortController();
  let seen: string | undefined;
  let redactor: Redactor | undefined;
  return withDevice((request) => {
    if (request.path === AUTHENTICATION) return { body: tokenOf(1) };
    if (request.url === uri) {
      seen = redactor?.redact(`Cannot fetch ${uri}`);
      stop.abort(new Error("seen enough"));
      return { isSilent: true };
    }
    if (!request.path.endsWith("/next")) return { status: 204 };
    const artifact = {
      artifact_name: "release-2",
      device_types_compatible: ["acme-box"],
      source: { uri },
    };
    return { body: JSON.stringify({ id: "0f0f0f0f-1111", artifact }) };
  }, async (device, watched) => {
    redactor = watched;
    await assert.rejects(device.checkUpdate(stop.signal), /seen enough/);
    assert.equal(seen, "Cannot fetch ***");
  });
});
