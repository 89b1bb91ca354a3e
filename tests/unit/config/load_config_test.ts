import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Config, requireServers } from "../../../lib/config/config.ts";
import { inspectConfig, loadConfig } from "../../../lib/config/load_config.ts";
import { wellKnownPaths } from "../../../lib/config/paths.ts";
import { causeChain, ConfigError, isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

type Content = Record<string, unknown> | string;

interface Loaded {
  config?: Config;
  error?: ConfigError;
  /** Warnings and worse. */
  warnings: string[];
  log: string;
  root: string;
}

/** Loads a configuration of two files, given as objects or as text. */
async function load(
  main?: Content,
  fallback?: Content,
  explicit: { main?: boolean; fallback?: boolean } = {},
): Promise<Loaded> {
  const { files } = await hostDrivers();
  return await inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({ root });
    const logger = logRecorder();
    for (const [path, content] of [[paths.mainConfig, main], [paths.fallbackConfig, fallback]]) {
      if (content === undefined) continue;
      mkdirSync(dirname(path as string), { recursive: true });
      const text = typeof content === "string" ? content : JSON.stringify(content);
      writeFileSync(path as string, text);
    }
    const result: Loaded = { warnings: [], log: "", root };
    try {
      result.config = loadConfig({ files, paths, logger, explicit });
    } catch (error) {
      assert.ok(error instanceof ConfigError, String(error));
      assert.equal(error.name, "ConfigError");
      result.error = error;
    }
    return { ...result, warnings: logger.lines(), log: logger.all() };
  });
}

test("loadConfig() uses the defaults when there is no file", async () => {
  const { config, warnings, root } = await load();
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, {
    servers: [],
    tenantToken: undefined,
    caFile: undefined,
    skipVerify: false,
    clientCertificate: undefined,
    authPrivateKeyFile: undefined,
    updatePollMs: 1_800_000,
    inventoryPollMs: 28_800_000,
    retryPollMs: 300_000,
    firstContactSpreadMs: 20_000,
    deviceTypeFile: `${root}/var/lib/mender/device_type`,
    artifactVerifyKeyFiles: [],
    updateLogDirectory: `${root}/var/lib/mender`,
    logLevel: undefined,
    isBusEnabled: true,
    downloadMaxTries: 20,
    downloadGiveUpMs: 86_400_000,
    downloadBytesPerSecond: 0,
    handoffRunner: "auto",
    handoffTimeoutMs: 86_400_000,
    mapLifeMs: 3_600_000,
    mapBootLifeMs: 600_000,
    identityFormat: "auto",
  });
});

test("loadConfig() reads every key that has an effect", async () => {
  const { config, warnings } = await load({
    Servers: [{ ServerURL: "https://a.example.com/" }, { ServerURL: "b.example.com" }, {
      ServerURL: "https://a.example.com",
    }],
    TenantToken: " secret-token \n",
    ServerCertificate: "/etc/mender/server.crt",
    SkipVerify: true,
    HttpsClient: { Certificate: "/c.crt", Key: "/c.key", SSLEngine: "" },
    Security: { AuthPrivateKey: "/auth.pem" },
    UpdatePollIntervalSeconds: 1,
    InventoryPollIntervalSeconds: 31_536_000,
    RetryPollIntervalSeconds: 30,
    FirstContactSpreadSeconds: 300,
    DeviceTypeFile: "/data/type",
    ArtifactVerifyKeys: ["/k1.pem", "/k2.pem"],
    UpdateLogPath: "/data/logs",
    DaemonLogLevel: "Debug",
    DownloadMaxTries: 3,
    DownloadGiveUpSeconds: 600,
    DownloadRateBytesPerSecond: 50_000,
    HandoffRunner: "systemd",
    HandoffTimeoutSeconds: 600,
    UpdateControlMapExpirationTimeSeconds: 90,
    UpdateControlMapBootExpirationTimeSeconds: 30,
    DBus: { Enabled: false },
    IdentityFormat: "array",
  });
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, {
    servers: ["https://a.example.com", "https://b.example.com"],
    tenantToken: "secret-token",
    caFile: "/etc/mender/server.crt",
    skipVerify: true,
    clientCertificate: { certificateFile: "/c.crt", keyFile: "/c.key" },
    authPrivateKeyFile: "/auth.pem",
    updatePollMs: 1000,
    inventoryPollMs: 31_536_000_000,
    retryPollMs: 30_000,
    firstContactSpreadMs: 300_000,
    deviceTypeFile: "/data/type",
    artifactVerifyKeyFiles: ["/k1.pem", "/k2.pem"],
    updateLogDirectory: "/data/logs",
    logLevel: "debug",
    isBusEnabled: false,
    downloadMaxTries: 3,
    downloadGiveUpMs: 600_000,
    downloadBytesPerSecond: 50_000,
    handoffRunner: "systemd",
    handoffTimeoutMs: 600_000,
    mapLifeMs: 90_000,
    mapBootLifeMs: 30_000,
    identityFormat: "array",
  });
});

test("loadConfig() merges by key and lets the main file win", async () => {
  const { config } = await load(
    {
      ServerURL: "https://main",
      HttpsClient: { Certificate: "/main.crt" },
      ArtifactVerifyKeys: ["/main.pem"],
      RetryPollIntervalSeconds: null,
    },
    {
      ServerURL: "https://fallback",
      TenantToken: "from-fallback",
      HttpsClient: { Certificate: "/fallback.crt", Key: "/fallback.key" },
      ArtifactVerifyKeys: ["/a.pem", "/b.pem"],
      RetryPollIntervalSeconds: 7,
    },
  );
  assert.deepEqual(config?.servers, ["https://main"]);
  assert.equal(config?.tenantToken, "from-fallback");
  assert.deepEqual(config?.clientCertificate, {
    certificateFile: "/main.crt",
    keyFile: "/fallback.key",
  });
  assert.deepEqual(config?.artifactVerifyKeyFiles, ["/main.pem"]);
  assert.equal(config?.retryPollMs, 7000, "null counts as absent");
});

test("loadConfig() does not mind a bad value that the main file replaces", async () => {
  const { config } = await load({ SkipVerify: false }, { SkipVerify: "no" });
  assert.equal(config?.skipVerify, false);
});

test("loadConfig() takes HttpsClient.Key as signing key when Security names none", async () => {
  const { config } = await load({ HttpsClient: { Key: "/c.key" } });
  assert.equal(config?.authPrivateKeyFile, "/c.key");
  assert.equal(config?.clientCertificate, undefined);
});

const warned: [name: string, main: Content, fallback: Content | undefined, says: RegExp][] = [
  ["a misspelt key", { ServerUrll: "x" }, undefined, /"ServerUrll" is not known.*mean ServerURL\?/],
  ["a strange key", { Frobnicate: 1 }, undefined, /"Frobnicate" is not known and has no effect$/],
  ["a misspelt inner key", { HttpsClient: { Kay: "x" } }, undefined, /HttpsClient\.Kay.*\.Key\?/],
  ["another case", { serverurl: "https://m" }, undefined, /serverurl is read as ServerURL/],
  ["an interval of 0", { UpdatePollIntervalSeconds: 0 }, undefined, /is 0; 1800 s is used/],
  [
    "a repeated key",
    '{"SkipVerify":true,"SkipVerify":false}',
    undefined,
    /SkipVerify is there twice/,
  ],
  ["an unknown level", { DaemonLogLevel: "loud" }, undefined, /"loud" is not known; info is used/],
  ["plain HTTP", { ServerURL: "http://m.example.com" }, undefined, /can be read on the way/],
  [
    "verify keys that replace a verify key",
    { ArtifactVerifyKeys: ["/a"] },
    { ArtifactVerifyKey: "/b" },
    /ArtifactVerifyKeys replaces/,
  ],
];
for (const [name, main, fallback, says] of warned) {
  test(`loadConfig() warns once about ${name}`, async () => {
    const { config, warnings } = await load(main, fallback);
    assert.ok(config !== undefined);
    assert.equal(warnings.length, 1, warnings.join("\n"));
    assert.match(warnings[0]!, says);
  });
}

test("loadConfig() prefers the exact spelling to another case of it", async () => {
  const { config, warnings } = await load('{"ServerURL":"https://a","SERVERURL":"https://b"}');
  assert.deepEqual(config?.servers, ["https://a"]);
  assert.equal(warnings.length, 1);
});

test("loadConfig() uses the default for an interval of 0 and info for an unknown level", async () => {
  const { config } = await load({ RetryPollIntervalSeconds: 0, DaemonLogLevel: "loud" });
  assert.equal(config?.retryPollMs, 300_000);
  assert.equal(config?.logLevel, "info");
});

test("loadConfig() is silent about keys of other Mender clients", async () => {
  const { config, warnings, log } = await load({
    ServerURL: "https://m",
    RootfsPartA: "/dev/mmcblk0p2",
    RootfsPartB: 7,
    Connectivity: { DisableKeepAlive: false },
    StateScriptTimeoutSeconds: 60,
    RemoteTerminal: true,
    DeviceTier: "standard",
  });
  assert.deepEqual(config?.servers, ["https://m"]);
  assert.deepEqual(warnings, []);
  assert.match(log, /debug: The key RootfsPartA is for other Mender clients/);
});

const refused: [
  name: string,
  code: string,
  main: Content | undefined,
  fallback: Content | undefined,
  says: RegExp,
][] = [
  [
    "broken JSON",
    "config.bad-json",
    '{\n "a": 1,\n}',
    undefined,
    /mender\.conf: line 3, column 1:/,
  ],
  ["a broken fallback", "config.bad-json", {}, "{", /var\/lib\/mender\/mender\.conf/],
  ["an empty file", "config.bad-json", "", undefined, /it is empty/],
  ["a list", "config.not-an-object", "[]", undefined, /found a list/],
  ["a text", "config.not-an-object", '"x"', undefined, /found string/],
  [
    "a file of megabytes",
    "config.too-large",
    " ".repeat(1 << 21),
    undefined,
    /larger than 1048576/,
  ],
  ["a number for a text", "config.wrong-type", { ServerURL: 7 }, undefined, /wanted text, found 7/],
  [
    "a text for a flag",
    "config.wrong-type",
    { SkipVerify: "yes" },
    undefined,
    /found the text "yes"/,
  ],
  [
    "a text for an interval",
    "config.wrong-type",
    { UpdatePollIntervalSeconds: "5" },
    undefined,
    /UpdatePollIntervalSeconds of .*whole number of seconds from 1 to 31536000, found the text "5"/,
  ],
  [
    "half a second",
    "config.wrong-type",
    { RetryPollIntervalSeconds: 0.5 },
    undefined,
    /found 0\.5/,
  ],
  ["a negative interval", "config.out-of-range", { RetryPollIntervalSeconds: -1 }, undefined, /-1/],
  [
    "more than a year",
    "config.out-of-range",
    { InventoryPollIntervalSeconds: 31_536_001 },
    undefined,
    /31536001/,
  ],
  [
    "a text for an object",
    "config.wrong-type",
    { HttpsClient: "x" },
    undefined,
    /an object, found a string/,
  ],
  [
    "a text for a list",
    "config.wrong-type",
    { ArtifactVerifyKeys: "/k" },
    undefined,
    /list of texts/,
  ],
  [
    "an empty path in a list",
    "config.out-of-range",
    { ArtifactVerifyKeys: ["/k", " "] },
    undefined,
    /list of paths/,
  ],
  ["only an empty path", "config.out-of-range", { ArtifactVerifyKeys: [""] }, undefined, /empty/],
  ["a list of texts as servers", "config.wrong-type", { Servers: ["a"] }, undefined, /"ServerURL"/],
  [
    "an unknown identity form",
    "config.out-of-range",
    { IdentityFormat: "list" },
    undefined,
    /"scalar"/,
  ],
  ["a bad server", "config.bad-server-url", { ServerURL: "ftp://m" }, undefined, /"ftp"/],
  [
    "a password in a URL",
    "config.bad-server-url",
    { ServerURL: "https://u:hush@m" },
    undefined,
    /user/,
  ],
  [
    "one server and several",
    "config.conflict",
    { ServerURL: "https://a", Servers: [{ ServerURL: "https://b" }] },
    undefined,
    /ServerURL of .* together with Servers of/,
  ],
  [
    "one server here and several there",
    "config.conflict",
    { ServerURL: "https://a" },
    { Servers: [{ ServerURL: "https://b" }] },
    /var\/lib/,
  ],
  [
    "one verify key and several",
    "config.conflict",
    { ArtifactVerifyKey: "/a", ArtifactVerifyKeys: ["/b"] },
    undefined,
    /ArtifactVerifyKeys/,
  ],
  [
    "a verify key over several",
    "config.conflict",
    { ArtifactVerifyKey: "/a" },
    { ArtifactVerifyKeys: ["/b"] },
    /ArtifactVerifyKey /,
  ],
  [
    "a hardware signing key",
    "config.hardware-key",
    { Security: { AuthPrivateKey: "pkcs11:token=x" } },
    undefined,
    /Security\.AuthPrivateKey .*hardware/,
  ],
  [
    "a hardware engine",
    "config.hardware-key",
    { HttpsClient: { Certificate: "/c", Key: "/k", SSLEngine: "pkcs11" } },
    undefined,
    /HttpsClient\.SSLEngine/,
  ],
  [
    "a certificate without key",
    "config.missing-client-key",
    { HttpsClient: { Certificate: "/c" } },
    undefined,
    /HttpsClient\.Key is not set/,
  ],
];
for (const [name, code, main, fallback, says] of refused) {
  test(`loadConfig() refuses ${name} as ${code}`, async () => {
    const { error } = await load(main, fallback);
    assert.equal(error?.code, code, error?.message);
    assert.match(error.message, says);
    assert.doesNotMatch(error.message, /hush/);
    assert.equal(error.retry, "never");
  });
}

test("loadConfig() treats empty texts and lists as unset", async () => {
  const { config } = await load({
    ServerURL: "",
    Servers: [{ ServerURL: "https://b" }],
    ArtifactVerifyKey: "",
    ArtifactVerifyKeys: [],
    ServerCertificate: "",
    Security: { AuthPrivateKey: "" },
    DeviceTypeFile: "",
  });
  assert.deepEqual(config?.servers, ["https://b"]);
  assert.equal(config?.caFile, undefined);
  assert.equal(config?.authPrivateKeyFile, undefined);
  assert.match(config?.deviceTypeFile ?? "", /device_type$/);
});

test("loadConfig() warns about an empty ArtifactVerifyKey: Artifacts need no signature then", async () => {
  const { config, warnings } = await load({ ArtifactVerifyKey: "" });
  assert.deepEqual(config?.artifactVerifyKeyFiles, []);
  assert.match(warnings.join("\n"), /ArtifactVerifyKey is empty/);
});

test("loadConfig() lists all problems of both files", async () => {
  const { error } = await load({ SkipVerify: 1, UpdatePollIntervalSeconds: -5 }, "{");
  assert.equal(error?.code, "config.invalid");
  const lines = causeChain(error);
  for (
    const says of [/SkipVerify/, /UpdatePollIntervalSeconds/, /lib\/mender\/mender\.conf: line 1/]
  ) {
    assert.match(error.message, says);
    assert.ok(lines.some((line) => says.test(line) && line !== lines[0]), lines.join("\n"));
  }
  const { cause } = error;
  assert.ok(cause instanceof AggregateError);
  assert.equal(cause.errors.length, 3);
  assert.ok(cause.errors.every((problem) => isMenderError(problem, "config.")));
});

for (const which of ["main", "fallback"] as const) {
  test(`loadConfig() wants the ${which} file when it was named`, async () => {
    const { error } = await load(
      which === "main" ? undefined : {},
      which === "fallback" ? undefined : {},
      { [which]: true },
    );
    assert.equal(error?.code, "config.missing-file");
    const { config } = await load({}, {}, { [which]: true });
    assert.ok(config !== undefined);
  });
}

test("loadConfig() refuses a directory and a device in place of a file, and follows links", async () => {
  const { files } = await hostDrivers();
  await inTemporaryDirectory((root) => {
    const logger = logRecorder();
    mkdirSync(`${root}/dir`);
    writeFileSync(`${root}/real.conf`, '{"ServerURL":"https://m"}');
    symlinkSync(`${root}/real.conf`, `${root}/link.conf`);
    const loadFrom = (config: string) =>
      loadConfig({ files, paths: wellKnownPaths({ root, config }), logger });
    for (const path of [`${root}/dir`, "/dev/null"]) {
      assert.throws(() => loadFrom(path), (error) => isMenderError(error, "config.not-a-file"));
    }
    assert.deepEqual(loadFrom(`${root}/link.conf`).servers, ["https://m"]);
  });
});

test("loadConfig() tells a file that cannot be read", async () => {
  const { files } = await hostDrivers();
  const denied = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
  await inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({ root, config: `${root}/m.conf` });
    writeFileSync(paths.mainConfig, "{}");
    const refusing: typeof files = {
      ...files,
      open: () => {
        throw denied;
      },
    };
    assert.throws(() => loadConfig({ files: refusing, paths, logger: logRecorder() }), (error) => {
      assert.ok(isMenderError(error, "config.unreadable"));
      assert.match(error.message, /m\.conf: permission denied$/);
      assert.equal(error.cause, denied);
      return true;
    });
  });
});

test("loadConfig() never shows the tenant token", async () => {
  const wrong = await load({ TenantToken: ["hush-hush"] });
  assert.equal(wrong.error?.code, "config.wrong-type");
  assert.doesNotMatch(wrong.error.message + wrong.log, /hush/);
  const broken = await load('{"TenantToken":"hush-hush\n"}');
  assert.equal(broken.error?.code, "config.bad-json");
  assert.doesNotMatch(causeChain(broken.error).join() + broken.log, /hush/);
  const right = await load({ TenantToken: "hush-hush", Nonsense: "hush-hush" });
  assert.equal(right.config?.tenantToken, "hush-hush");
  assert.doesNotMatch(right.log, /hush/);
});

test("loadConfig() reads the configuration of mender-python-client without a warning", async () => {
  const { readFileSync } = await import("node:fs");
  const fixture = new URL("../../data/python_client/data/mender.conf", import.meta.url);
  const { config, warnings } = await load(readFileSync(fixture, "utf8"));
  assert.deepEqual(warnings, []);
  assert.deepEqual(config?.servers, ["http://127.0.0.1:18081"]);
  assert.equal(config?.tenantToken, "test-tenant-token");
  assert.deepEqual(
    [config?.inventoryPollMs, config?.updatePollMs, config?.retryPollMs],
    [28_800_000, 1_800_000, 300_000],
  );
});

test("inspectConfig() tells which files exist and goes on after a problem", async () => {
  const { files } = await hostDrivers();
  await inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({ root, config: `${root}/m.conf` });
    writeFileSync(paths.mainConfig, '{"SkipVerify":1,"ServerURL":"https://m"}');
    const inspected = inspectConfig({ files, paths });
    assert.deepEqual(inspected.files.map(({ exists }) => exists), [true, false]);
    assert.deepEqual(inspected.keys.problems.map(({ code }) => code), ["config.wrong-type"]);
    assert.deepEqual(inspected.config.servers, ["https://m"]);
  });
});

test("requireServers() returns the servers or says that there is none", async () => {
  const { config } = await load({ ServerURL: "https://m" });
  assert.deepEqual(requireServers(config!), ["https://m"]);
  const { config: bare } = await load({});
  assert.throws(
    () => requireServers(bare!),
    (error) => isMenderError(error, "config.missing-server"),
  );
});
