import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { trustOf } from "../../../lib/device/trust.ts";
import { loadConfig, wellKnownPaths } from "../../../lib/config/mod.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import type { HttpDriverOptions } from "../../../lib/runtime/http/http_driver.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const drivers = await hostDrivers();

interface Case {
  readonly files?: Readonly<Record<string, string>>;
  readonly config?: (root: string) => Readonly<Record<string, unknown>>;
  readonly env?: (root: string) => Readonly<Record<string, string>>;
}

/** What {@link trustOf} makes of files below a root, a configuration and an environment. */
function inspect(
  { files = {}, config, env }: Case,
  check: (trust: () => HttpDriverOptions, warnings: () => string[]) => void,
): Promise<void> {
  return inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({ root });
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    };
    for (const [name, text] of Object.entries(files)) write(join(root, name), text);
    write(
      paths.mainConfig,
      JSON.stringify({ ServerURL: "https://mender.example", ...config?.(root) }),
    );
    const logger = logRecorder();
    const loaded = loadConfig({ files: drivers.files, paths, logger: logRecorder() });
    const variables = env?.(root) ?? {};
    const self = { ...drivers.self, env: (name: string) => variables[name] };
    check(
      () => trustOf(loaded, paths.systemCaBundle, { files: drivers.files, self }, logger),
      () => logger.lines(),
    );
  });
}

const bundle = { "etc/ssl/certs/ca-certificates.crt": "system" };

const rows: [name: string, given: Case, certificates: string[], warning?: RegExp][] = [
  ["the system's bundle", { files: bundle }, ["system"]],
  ["nothing where there is no bundle", {}, []],
  ["ServerCertificate in addition", {
    files: { ...bundle, "own.pem": "own" },
    config: (root) => ({ ServerCertificate: `${root}/own.pem` }),
  }, ["system", "own"]],
  [
    "no ServerCertificate that does not exist",
    {
      files: bundle,
      config: (root) => ({ ServerCertificate: `${root}/own.pem` }),
    },
    ["system"],
    /There is no certificate file .*own\.pem/,
  ],
  ["SSL_CERT_FILE instead of the bundle", {
    files: { ...bundle, "other.pem": "other", "own.pem": "own" },
    config: (root) => ({ ServerCertificate: `${root}/own.pem` }),
    env: (root) => ({ SSL_CERT_FILE: `${root}/other.pem` }),
  }, ["other", "own"]],
  [
    "the bundle where SSL_CERT_FILE does not exist",
    {
      files: bundle,
      env: (root) => ({ SSL_CERT_FILE: `${root}/other.pem` }),
    },
    ["system"],
    /There is no certificate file .*other\.pem/,
  ],
  ["the bundle where SSL_CERT_FILE is empty", {
    files: bundle,
    env: () => ({ SSL_CERT_FILE: "" }),
  }, ["system"]],
];
for (const [name, given, certificates, warning] of rows) {
  test(`trustOf() takes ${name}`, () =>
    inspect(given, (trust, warnings) => {
      assert.deepEqual(trust().caCertificates, certificates);
      assert.equal(warnings().length, warning === undefined ? 0 : 1);
      if (warning !== undefined) assert.match(warnings()[0] ?? "", warning);
    }));
}

test("trustOf() takes SkipVerify and both files of HttpsClient", () =>
  inspect({
    files: { "c.pem": "certificate", "k.pem": "key" },
    config: (root) => ({
      SkipVerify: true,
      HttpsClient: { Certificate: `${root}/c.pem`, Key: `${root}/k.pem` },
    }),
  }, (trust) => {
    assert.equal(trust().skipVerify, true);
    assert.deepEqual(trust().clientCertificate, { certificate: "certificate", key: "key" });
  }));

test("trustOf() takes the proxies of the environment, and none without any", async () => {
  await inspect({ env: () => ({ HTTPS_PROXY: "http://p:3128", no_proxy: "a,b" }) }, (trust) => {
    assert.deepEqual(trust().proxy, { https: "http://p:3128/", none: ["a", "b"] });
  });
  await inspect({}, (trust) => assert.equal(trust().proxy, undefined));
});

test("trustOf() refuses a proxy that cannot be used", () =>
  inspect({ env: () => ({ HTTPS_PROXY: "socks5://p:1080" }) }, (trust) => {
    assert.throws(trust, (error) => isMenderError(error, "config.bad-proxy"));
  }));
