import assert from "node:assert/strict";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { withServer } from "../support/with_server.ts";

const data = fileURLToPath(new URL("../data", import.meta.url));

// Each folder holds a data directory as the other client left it, and the authentication request that
// this client sent from it, byte for byte.
for (const client of ["python_client", "mender_3_4"]) {
  test(`daemon takes over the device of ${client}: same key, same identity, no second device`, async () => {
    await withServer({}, async (server) => {
      const recorded = (name: string): Uint8Array<ArrayBuffer> =>
        new Uint8Array(readFileSync(join(data, client, name)));
      const signature = new TextDecoder().decode(recorded("auth_request.signature")).trim();
      const answer = await fetch(`${server.url}/api/devices/v1/authentication/auth_requests`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-men-signature": signature },
        body: recorded("auth_request.json"),
      });
      await answer.body?.cancel();
      const known = server.devices();
      assert.equal(known.length, 1);
      server.acceptDevice(known[0]!.id);
      await withRig({ serverUrl: server.url }, async (rig) => {
        cpSync(join(data, client, "data"), rig.paths.dataDirectory, { recursive: true });
        rig.write(rig.paths.key, recorded("data/mender-agent.pem"), 0o600);
        const script = readFileSync(join(data, "peer_scripts/mender-device-identity"));
        rig.write(rig.paths.identityScript, script, 0o755);
        const { code, stderr } = await rig.run("daemon", "--once");
        assert.equal(code, 0, stderr);
        const [device, ...others] = server.devices();
        assert.deepEqual(others, []);
        assert.equal(device!.id, known[0]!.id);
        assert.equal(device!.authSets.length, 1);
        assert.ok(device!.inventory.length > 0);
        assert.deepEqual(
          new Uint8Array(readFileSync(rig.paths.key)),
          recorded("data/mender-agent.pem"),
        );
        assert.deepEqual(server.violations(), []);
      });
    });
  });
}
