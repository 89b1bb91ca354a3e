import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, linkSync, lstatSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import type { ClientRig } from "../../support/client_rig.ts";
import type { BadInputChapter, BadInputRow } from "./bad_input.ts";

/** Commands that need the key. */
function keyRows(says: RegExp): BadInputRow[] {
  return [
    ["bootstrap", 1, says],
    ["daemon --once", 1, says],
    ["report --success", 3, says],
    ["report --status rebooting", 3, says],
    ["-F bootstrap", 0, undefined],
  ];
}

function key(content: string | Uint8Array): (rig: ClientRig) => void {
  return (rig) => rig.write(rig.paths.key, content, 0o600);
}

function pem(type: string): string {
  return `-----BEGIN ${type}-----\nAAAA\n-----END ${type}-----\n`;
}

const ENCRYPTED = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
  .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" });

const MADE: BadInputRow[] = [
  ["bootstrap", 0, /^ERROR The key .* cannot be used, a new one is made: .*set aside/],
];

export const deviceKey: BadInputChapter = {
  title: "The device key",
  about:
    "It is replaced only when it was read whole and is empty, or no PEM at all; the old file stays.",
  inputs: [
    { input: "empty", arrange: key(""), rows: MADE },
    { input: "text without PEM", arrange: key("hello\n"), rows: MADE },
    { input: "encrypted", arrange: key(String(ENCRYPTED)), rows: keyRows(/encrypted/) },
    {
      input: "of an unknown type",
      arrange: key(pem("FOO PRIVATE KEY")),
      rows: keyRows(/found FOO PRIVATE KEY/),
    },
    {
      input: "damaged",
      arrange: key(pem("RSA PRIVATE KEY")),
      rows: keyRows(/its content is no private key/),
    },
    {
      input: "a symbolic link",
      arrange: (rig) => {
        rmSync(rig.paths.key);
        rig.write(`${rig.root}/elsewhere.pem`, "precious");
        symlinkSync(`${rig.root}/elsewhere.pem`, rig.paths.key);
      },
      kept: (rig) => assert.equal(rig.read(`${rig.root}/elsewhere.pem`), "precious"),
      rows: keyRows(/it is a symbolic link/),
    },
    {
      input: "a file with two names",
      arrange: (rig) => linkSync(rig.paths.key, `${rig.root}/elsewhere.pem`),
      kept: (rig) => assert.match(rig.read(`${rig.root}/elsewhere.pem`), /PRIVATE KEY/),
      rows: keyRows(/it has 2 names, wanted 1/),
    },
    {
      input: "of another user",
      drivers: (drivers) => ({ ...drivers, self: { ...drivers.self, uid: drivers.self.uid + 1 } }),
      rows: keyRows(/it belongs to user/),
    },
    {
      input: "a directory in its place",
      arrange: (rig) => {
        rmSync(rig.paths.key);
        mkdirSync(rig.paths.key);
      },
      rows: [
        ...keyRows(/it is a directory/).slice(0, 4),
        ["-F bootstrap", 1, /Cannot write the key .*: it is a directory/],
      ],
    },
    {
      input: "open to others",
      arrange: (rig) => chmodSync(rig.paths.key, 0o644),
      kept: (rig) => assert.equal(lstatSync(rig.paths.key).mode & 0o777, 0o600),
      rows: [["bootstrap", 0, /open to others \(mode 0644\); changed to 0600/]],
    },
  ],
};

const INFO = /Cannot read the name of the installed Artifact from .*artifact_info: /;

function infoRows(why: RegExp): BadInputRow[] {
  return [
    ["show-artifact", 1, why],
    ["show-provides", 1, why],
    ["daemon --once", 1, why],
  ];
}

function info(text: string): (rig: ClientRig) => void {
  return (rig) => rig.write(rig.paths.artifactInfo, text);
}

export const deviceFacts: BadInputChapter = {
  title: "artifact_info, device_type, identity",
  about: "Without them no deployment is asked for.",
  inputs: [
    {
      input: "artifact_info is missing",
      arrange: (rig) => rmSync(rig.paths.artifactInfo),
      rows: infoRows(INFO),
    },
    {
      input: "artifact_info is empty",
      arrange: info(""),
      rows: infoRows(/it holds no line artifact_name=…/),
    },
    {
      input: "artifact_info is too large",
      arrange: info("x".repeat(2_000_000)),
      rows: infoRows(/: it is larger than/),
    },
    {
      input: "artifact_info is a directory",
      arrange: (rig) => {
        rmSync(rig.paths.artifactInfo);
        mkdirSync(rig.paths.artifactInfo);
      },
      rows: infoRows(/artifact_info: it is a directory/),
    },
    {
      input: "device_type is missing",
      arrange: (rig) => rmSync(rig.paths.deviceType),
      rows: [["daemon --once", 1, /Cannot read the device type from .*: there is no such file/]],
    },
    {
      input: "device_type holds other keys",
      arrange: (rig) => rig.write(rig.paths.deviceType, "device_type=a\nb=c\n"),
      rows: [["daemon --once", 1, /it holds several keys: device_type, b/]],
    },
    {
      input: "the identity script is missing",
      arrange: (rig) => rmSync(rig.paths.identityScript),
      rows: [
        ["daemon --once", 1, /Cannot run .*: there is no such file/],
        ["report --success", 3, /Cannot run .*: there is no such file/],
      ],
    },
    {
      input: "the identity script is not executable",
      arrange: (rig) => chmodSync(rig.paths.identityScript, 0o644),
      rows: [["daemon --once", 1, /Cannot run .*: not executable/]],
    },
    {
      input: "the identity script fails",
      identity: "echo oops >&2; exit 3",
      rows: [["daemon --once", 1, /exit code 3, oops/]],
    },
    {
      input: "the identity script prints nothing",
      identity: "true",
      rows: [["daemon --once", 1, /it printed no key=value line/]],
    },
    {
      input: "the identity script prints no text",
      identity: "printf 'a=\\377'",
      rows: [["daemon --once", 1, /is not UTF-8 text/]],
    },
    {
      input: "no file to verify",
      rows: [
        ["verify {root}/no.mender", 1, /Cannot read the Artifact .*: there is no such file/],
        ["verify {root}", 1, /it is a directory/],
        ["verify {root}/etc/mender/mender.conf", 1, /it is not a Mender Artifact/],
        [
          "verify {root}/x --key {root}/no.pem",
          1,
          /no\.pem, named by --key: there is no such file/,
        ],
      ],
    },
  ],
};
