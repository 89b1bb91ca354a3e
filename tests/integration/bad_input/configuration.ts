import { mkdirSync, rmSync } from "node:fs";
import assert from "node:assert/strict";
import type { ClientRig } from "../../support/client_rig.ts";
import type { FileDriver } from "../../../lib/runtime/files/file_driver.ts";
import type { BadInput, BadInputChapter, BadInputRow } from "./bad_input.ts";
import { LOCKED_ID } from "./play.ts";

/** Every command that reads the configuration; what is reported is kept whatever it says. */
function rows(says: RegExp): BadInputRow[] {
  return [
    ["bootstrap", 1, says],
    ["daemon --once", 1, says],
    ["report --success", 3, says],
    ["report --failure", 3, says],
    ["report --status installing", 3, says],
    ["check-config", 1, says],
    ["verify {root}/any.mender", 1, says],
    ["show-artifact", 0, undefined],
  ];
}

function main(text: string | Uint8Array): (rig: ClientRig) => void {
  return (rig) => rig.write(rig.paths.mainConfig, text);
}

/** What was reported is on the disk. */
function keptOutcome(rig: ClientRig): void {
  if (rig.read(rig.paths.lock) === "") return;
  assert.equal(rig.read(rig.paths.lock), LOCKED_ID);
}

const JSON_FAULT = /mender\.conf: line \d+, column \d+: /;

const inputs: BadInput[] = [
  { input: "empty", arrange: main(""), rows: rows(/mender\.conf: it is empty/) },
  {
    input: "bytes that are no text",
    arrange: main(new Uint8Array(99).fill(0xff)),
    rows: rows(/not UTF-8 text/),
  },
  { input: "no JSON", arrange: main('{"ServerURL": '), rows: rows(JSON_FAULT) },
  {
    input: "a list",
    arrange: main("[1]"),
    rows: rows(/wanted a JSON object, "\{…\}", found a list/),
  },
  {
    input: "more than 1 MiB",
    arrange: main(" ".repeat(1_100_000)),
    rows: rows(/larger than 1048576 bytes/),
  },
  {
    input: "nested too deeply",
    arrange: main('{"a":'.repeat(50)),
    rows: rows(/nested deeper than 32/),
  },
  {
    input: "a number as address",
    arrange: main('{"ServerURL": 7}'),
    rows: rows(/ServerURL of .*: wanted text, found 7/),
  },
  {
    input: "a directory in its place",
    arrange: (rig) => {
      rmSync(rig.paths.mainConfig);
      mkdirSync(rig.paths.mainConfig);
    },
    rows: rows(/wanted a file, found a directory/),
  },
  {
    input: "not readable for this user",
    drivers: (drivers, rig) => ({
      ...drivers,
      files: denying(drivers.files, rig.paths.mainConfig),
    }),
    rows: rows(/mender\.conf: permission denied/),
  },
  {
    input: "broken main file, good fallback",
    arrange: (rig) => {
      main("{")(rig);
      rig.write(rig.paths.fallbackConfig, '{"ServerURL":"https://mender.example.com"}');
    },
    rows: rows(JSON_FAULT),
  },
  {
    input: "good main file, broken fallback",
    arrange: (rig) => rig.write(rig.paths.fallbackConfig, "{"),
    rows: rows(JSON_FAULT),
  },
  {
    input: "no server",
    arrange: main("{}"),
    rows: [
      ["daemon --once", 1, /Cannot reach a server: none is configured/],
      ["report --success", 3, /none is configured/],
      ["check-config", 1, /none is configured/],
      ["bootstrap", 0, undefined],
    ],
  },
  {
    input: "a server that is no web address",
    arrange: main('{"ServerURL": "ftp://x"}'),
    rows: rows(/ServerURL/),
  },
  {
    input: "a file that is named and missing",
    rows: [
      ["-c {root}/no.conf daemon --once", 1, /no\.conf: there is no such file/],
      ["-b {root}/no.conf daemon --once", 1, /no\.conf: there is no such file/],
      ["check-config {root}/no.conf", 1, /no\.conf: there is no such file/],
      ["-c {root}/no.conf report --success", 3, /no\.conf: there is no such file/],
    ],
  },
  {
    input: "mender-connect.conf is no JSON",
    arrange: (rig) => rig.write(rig.paths.connectConfig, "{"),
    rows: [
      ["terminal", 1, /mender-connect\.conf: line 1, column 2/],
      ["check-config", 1, /mender-connect\.conf: line 1, column 2/],
    ],
  },
];

function denying(files: FileDriver, path: string): FileDriver {
  const denied = (): never => {
    throw Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
  };
  return {
    ...files,
    open: (name, mode, options) => name === path ? denied() : files.open(name, mode, options),
  };
}

export const configuration: BadInputChapter = {
  title: "mender.conf",
  about: "What a sub-updater reports is recorded first, whatever is wrong with the configuration.",
  inputs: inputs.map((input) => ({ ...input, kept: keptOutcome })),
};
