import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ConnectConfig } from "../../../lib/config/connect_config.ts";
import { loadConnectConfig } from "../../../lib/config/load_config.ts";
import { wellKnownPaths } from "../../../lib/config/paths.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

async function load(
  main: Record<string, unknown>,
  fallback: Record<string, unknown> = {},
): Promise<{ config: ConnectConfig; warnings: string[] }> {
  const { files } = await hostDrivers();
  return await inTemporaryDirectory((root) => {
    const paths = wellKnownPaths({ root });
    const logger = logRecorder();
    for (
      const [path, content] of [
        [paths.connectConfig, main],
        [paths.connectFallbackConfig, fallback],
      ] as const
    ) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify(content));
    }
    const config = loadConnectConfig({ files, paths, logger });
    return { config, warnings: logger.lines() };
  });
}

test("loadConnectConfig() has the defaults of mender-connect", async () => {
  const { config, warnings } = await load({});
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, {
    remoteTerminal: undefined,
    shellCommand: "/bin/sh",
    shellArguments: ["--login"],
    user: undefined,
    terminal: { isDisabled: false, columns: 80, rows: 40 },
    sessions: { stopExpired: true, expireAfterMs: 0, expireAfterIdleMs: 600_000, maxPerUser: 1 },
    reconnectMs: 5000,
    isFileTransferDisabled: false,
    isPortForwardDisabled: false,
    isMenderClientDisabled: false,
    transferLimits: undefined,
  });
});

test("loadConnectConfig() merges nested objects and reads the limits", async () => {
  const { config, warnings } = await load(
    {
      User: "operator",
      ShellArguments: [],
      Terminal: { Width: 132 },
      Sessions: { StopExpired: true, ExpireAfter: 60, MaxPerUser: 4 },
      FileTransfer: { Disable: true },
      Limits: {
        Enabled: true,
        FileTransfer: {
          Chroot: "/srv",
          OwnerGet: ["operator"],
          MaxFileSize: 1000,
          PreserveMode: true,
          Counters: { MaxBytesTxPerMinute: 5 },
        },
      },
      ServerURL: "https://ignored.example.com",
    },
    { Terminal: { Width: 100, Height: 50 }, Limits: { FileTransfer: { Umask: "022" } } },
  );
  assert.deepEqual(warnings, []);
  assert.equal(config.user, "operator");
  assert.deepEqual(config.shellArguments, []);
  assert.deepEqual(config.terminal, { isDisabled: false, columns: 132, rows: 50 });
  assert.deepEqual(config.sessions, {
    stopExpired: true,
    expireAfterMs: 60_000,
    expireAfterIdleMs: 0,
    maxPerUser: 4,
  });
  assert.equal(config.isFileTransferDisabled, true);
  assert.deepEqual(config.transferLimits, {
    chroot: "/srv",
    ownerPut: "",
    groupPut: "",
    umask: "022",
    ownerGet: ["operator"],
    groupGet: [],
    followSymLinks: false,
    allowOverwrite: false,
    allowSuid: false,
    regularFilesOnly: false,
    maxFileSizeBytes: 1000,
    maxSentBytesPerMinute: 5,
    maxReceivedBytesPerMinute: 0,
  });
});

for (
  const [written, read] of [
    ["true", true],
    ["True", true],
    ["YES", true],
    ["1", true],
    [true, true],
    [1, true],
    [false, false],
    ["no", false],
    ["on", false],
    ["", false],
  ] as const
) {
  test(`loadConnectConfig() reads RemoteTerminal ${JSON.stringify(written)} as ${read}`, async () => {
    const { config } = await load({ RemoteTerminal: written });
    assert.equal(config.remoteTerminal, read);
  });
}

test("loadConnectConfig() warns when both session limits are set", async () => {
  const { warnings } = await load({ Sessions: { ExpireAfter: 1, ExpireAfterIdle: 2 } });
  assert.match(warnings.join("\n"), /both set/);
});

test("loadConnectConfig() refuses a terminal without columns", async () => {
  await assert.rejects(
    load({ Terminal: { Width: 0 } }),
    (error) => isMenderError(error, "config.out-of-range"),
  );
});
