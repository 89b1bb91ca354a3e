import assert from "node:assert/strict";
import { join } from "node:path";
import { wellKnownPaths } from "../../../lib/config/paths.ts";
import { test } from "../../support/test.ts";

test("wellKnownPaths() names the files of a Mender device", () => {
  assert.deepEqual(wellKnownPaths(), {
    mainConfig: "/etc/mender/mender.conf",
    fallbackConfig: "/var/lib/mender/mender.conf",
    connectConfig: "/etc/mender/mender-connect.conf",
    connectFallbackConfig: "/var/lib/mender/mender-connect.conf",
    artifactInfo: "/etc/mender/artifact_info",
    installScript: "/usr/share/mender/install",
    identityScript: "/usr/share/mender/identity/mender-device-identity",
    inventoryDirectory: "/usr/share/mender/inventory",
    systemCaBundle: "/etc/ssl/certs/ca-certificates.crt",
    dataDirectory: "/var/lib/mender",
    deviceType: "/var/lib/mender/device_type",
    key: "/var/lib/mender/mender-agent.pem",
    lock: "/var/lib/mender/update.lock",
    record: "/var/lib/mender/deployment.json",
    partFile: "/var/lib/mender/artifact.mender.part",
    artifactFile: "/var/lib/mender/artifact.mender",
    subUpdaterLog: "/var/lib/mender/sub-updater.log",
    controlSocket: "/var/lib/mender/daemon.sock",
    terminalSocket: "/var/lib/mender/terminal.sock",
    controlMapId: "/var/lib/mender/control_map_id",
    controlMaps: "/var/lib/mender/control_maps.json",
    identityFormat: "/var/lib/mender/identity_format",
    identityFingerprint: "/var/lib/mender/identity_fingerprint",
    systemdRuntime: "/run/systemd/system",
    processes: "/proc",
    legacyDeploymentLog: "/var/lib/mender/deployment.log",
    menderStore: "/var/lib/mender/mender-store",
  });
});

test("wellKnownPaths() puts every default under the root", () => {
  const defaults = wellKnownPaths();
  for (const [name, path] of Object.entries(wellKnownPaths({ root: "/tmp/trial" }))) {
    assert.equal(path, join("/tmp/trial", defaults[name as keyof typeof defaults]), name);
  }
});

test("wellKnownPaths() moves the state and the fallback configuration with the data directory", () => {
  const inData = Object.entries(wellKnownPaths())
    .filter(([, path]) => path.startsWith("/var/lib/mender"))
    .map(([name]) => name);
  const moved = wellKnownPaths({ root: "/r", data: "/data/m" });
  for (const [name, path] of Object.entries(moved)) {
    const wanted = inData.includes(name) ? "/data/m" : "/r/";
    assert.ok(path.startsWith(wanted), `${name}: ${path}`);
  }
});

test("wellKnownPaths() takes paths of options as they are", () => {
  const paths = wellKnownPaths({ root: "/r", config: "/c/a.conf", fallbackConfig: "/c/b.conf" });
  assert.equal(paths.mainConfig, "/c/a.conf");
  assert.equal(paths.fallbackConfig, "/c/b.conf");
  assert.ok(wellKnownPaths({ data: "state" }).key.startsWith("/"));
});
