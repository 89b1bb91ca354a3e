import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import {
  type ConfigDescription,
  configLines,
  describeConfig,
} from "../../../lib/config/describe_config.ts";
import { CONNECT_KEYS, MENDER_KEYS } from "../../../lib/config/keys_table.ts";
import { inspectConfig, inspectConnectConfig } from "../../../lib/config/load_config.ts";
import { wellKnownPaths } from "../../../lib/config/paths.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

async function describe(main: unknown, fallback: unknown): Promise<ConfigDescription> {
  const { files } = await hostDrivers();
  return await inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({
      root,
      config: `${root}/main.conf`,
      fallbackConfig: `${root}/fallback.conf`,
    });
    writeFileSync(paths.mainConfig, JSON.stringify(main));
    writeFileSync(paths.fallbackConfig, JSON.stringify(fallback));
    return describeConfig(inspectConfig({ files, paths }), paths);
  });
}

function entry(description: ConfigDescription, key: string): unknown[] {
  const found = description.entries.find((candidate) => candidate.key === key);
  return found === undefined ? [] : [found.value, found.source];
}

test("describeConfig() shows every key with its value and source, and no secret", async () => {
  const description = await describe(
    { ServerURL: "https://m", TenantToken: "hush", RootfsPartA: "/dev/a", Nonsense: 1 },
    { RetryPollIntervalSeconds: 9, SkipVerify: "hm" },
  );
  assert.deepEqual(entry(description, "ServerURL"), ["https://m", "main"]);
  assert.deepEqual(entry(description, "RetryPollIntervalSeconds"), [9, "fallback"]);
  assert.deepEqual(entry(description, "UpdatePollIntervalSeconds"), [1800, "default"]);
  assert.deepEqual(entry(description, "ServerCertificate"), [null, "default"]);
  assert.match(String(entry(description, "DeviceTypeFile")[0]), /var\/lib\/mender\/device_type$/);
  assert.deepEqual(description.unused, ["RootfsPartA"]);
  assert.equal(description.warnings.length, 1);
  assert.deepEqual(description.problems.map(({ code }) => code), ["config.wrong-type"]);
  assert.doesNotMatch(JSON.stringify(description), /hush/);

  const lines = configLines(description);
  assert.ok(
    lines.some((line) => /^ServerURL +https:\/\/m {2}\[main\]$/.test(line)),
    lines.join("\n"),
  );
  assert.ok(lines.some((line) => /^TenantToken +\(set, not shown\) {2}\[main\]$/.test(line)));
  assert.ok(lines.some((line) => /^UpdatePollIntervalSeconds +1800$/.test(line)));
  assert.ok(lines.some((line) => /^problem: Cannot use SkipVerify/.test(line)));
  assert.doesNotMatch(lines.join("\n"), /hush/);
});

test("describeConfig() hides a password in a URL", async () => {
  const one = await describe({ ServerURL: "https://u:hush@m" }, {});
  const several = await describe({ Servers: [{ ServerURL: "u:hush@m" }] }, {});
  const slashes = await describe({ ServerURL: "https://u:a//hu/sh@m" }, {});
  const shown = JSON.stringify(slashes) + configLines(slashes).join();
  assert.doesNotMatch(shown, /hu\/sh|a\/\//);
  for (const description of [one, several]) {
    assert.equal(description.problems.length, 1);
    assert.doesNotMatch(JSON.stringify(description) + configLines(description).join(), /hush/);
  }
});

test("describeConfig() describes mender-connect.conf too", async () => {
  const { files } = await hostDrivers();
  await inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({ root });
    const description = describeConfig(inspectConnectConfig({ files, paths }), paths, "connect");
    assert.deepEqual(entry(description, "ShellArguments"), [["-l"], "default"]);
    assert.deepEqual(description.files.map(({ exists }) => exists), [false, false]);
    assert.match(configLines(description)[0]!, /mender-connect\.conf \(no such file\)/);
  });
});

test("the tables name every key once, and give each one that has an effect a meaning", () => {
  for (const table of [MENDER_KEYS, CONNECT_KEYS]) {
    assert.equal(new Set(table.map(({ name }) => name.toLowerCase())).size, table.length);
    for (const { name, kind, fallback, choices, meaning } of table) {
      assert.notEqual(meaning, "", name);
      if (kind === "choice") assert.ok(choices?.includes(String(fallback)), name);
    }
  }
});
