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

const NOTHING = { terminal: false, fileTransfer: false, portForward: false, menderClient: false };

test("loadConnectConfig() switches nothing on by itself", async () => {
  const { config, warnings } = await load({});
  assert.deepEqual(warnings, []);
  assert.deepEqual(config, {
    enabled: NOTHING,
    shellCommand: "/bin/sh",
    shellArguments: ["-l"],
    user: undefined,
    tokenSource: "auto",
    terminal: { columns: 80, rows: 40 },
    sessions: {
      stopExpired: true,
      expireAfterMs: 86_400_000,
      expireAfterIdleMs: 600_000,
      maxPerUser: 1,
    },
    reconnectMs: 5000,
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
      PortForward: { Disable: false },
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
  assert.deepEqual(config.terminal, { columns: 132, rows: 50 });
  assert.deepEqual(config.sessions, {
    stopExpired: true,
    expireAfterMs: 60_000,
    expireAfterIdleMs: 600_000,
    maxPerUser: 4,
  });
  assert.deepEqual(config.enabled, { ...NOTHING, terminal: true, portForward: true });
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
    assert.deepEqual(config.enabled, { ...NOTHING, terminal: read });
  });
}

for (
  const [name, file, enabled, warning] of [
    ["only the keys of mender-python-client", {
      RemoteTerminal: "true",
      ShellCommand: "/bin/bash",
      User: "root",
    }, { terminal: true }],
    [
      "a shell and a user, but no word that it is wanted",
      { ShellCommand: "/bin/sh", User: "root" },
      {},
    ],
    ["a section of the terminal", { Terminal: { Width: 100 } }, { terminal: true }],
    ["a section that refuses", { RemoteTerminal: true, Terminal: { Disable: true } }, {}],
    [
      "a switch that is off, and a section",
      { RemoteTerminal: "no", Terminal: { Disable: false } },
      {},
      /stays off/,
    ],
    ["every section", {
      Terminal: { Disable: false },
      FileTransfer: { Disable: false },
      PortForward: { Disable: false },
      MenderClient: { Disable: false },
    }, { terminal: true, fileTransfer: true, portForward: true, menderClient: true }],
    ["file transfer alone", { FileTransfer: { Disable: false } }, { fileTransfer: true }],
    ["limits, which ask for nothing", { Limits: { Enabled: true } }, {}],
  ] as const
) {
  test(`loadConnectConfig() switches on what is asked for: ${name}`, async () => {
    const { config, warnings } = await load(file);
    assert.deepEqual(config.enabled, { ...NOTHING, ...enabled });
    assert.match(warnings.join("\n"), warning ?? /^$/);
  });
}

test("loadConnectConfig() reads 0 as no limit of a session", async () => {
  const { config } = await load({ Sessions: { ExpireAfter: 0, ExpireAfterIdle: 0 } });
  assert.deepEqual([config.sessions.expireAfterMs, config.sessions.expireAfterIdleMs], [0, 0]);
});

test("loadConnectConfig() refuses a terminal without columns", async () => {
  await assert.rejects(
    load({ Terminal: { Width: 0 } }),
    (error) => isMenderError(error, "config.out-of-range"),
  );
});
