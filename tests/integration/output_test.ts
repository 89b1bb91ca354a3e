import assert from "node:assert/strict";
import process from "node:process";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { PseudoTerminal, terminalPeer } from "../support/pseudo_terminal.ts";
import { test } from "../support/test.ts";
import { withServer } from "../support/with_server.ts";

const ESC = String.fromCharCode(27);
const PLAIN = { ...process.env, NO_COLOR: "" };

for (
  const [name, env, hasColor] of [
    ["colours", PLAIN, true],
    ["no colours under NO_COLOR", { ...PLAIN, NO_COLOR: "1" }, false],
  ] as const
) {
  test(
    `errors and the log have ${name} on a terminal`,
    () =>
      withRig({ serverUrl: "http://127.0.0.1:9" }, async (rig) => {
        for (
          const [line, word] of [["demon", "Error"], ["-l loud bootstrap", "WARNING"]] as const
        ) {
          const terminal = new PseudoTerminal(rig.command(...line.split(" ")), env);
          try {
            await terminal.ended;
            assert.ok(terminal.output.includes(word), terminal.output);
            assert.equal(terminal.output.includes(`${ESC}[3`), hasColor, terminal.output);
          } finally {
            await terminal.close();
          }
        }
      }),
    terminalPeer,
  );
}

test("nothing has a colour, and no bar is drawn, where there is no terminal", () =>
  withRig({ serverUrl: "http://127.0.0.1:9" }, async (rig) => {
    for (const line of ["demon", "-l loud bootstrap", "--help", "check-config", "status"]) {
      const { stdout, stderr } = await rig.run(...line.split(" "));
      assert.ok(!(stdout + stderr).includes(ESC), line);
    }
  }));

test(
  "progress is a bar on a terminal, lines elsewhere, and numbers in the JSON log",
  () =>
    withServer({ autoAccept: true }, async (server) => {
      await server.uploadArtifact(rigArtifact("release-2", 3_000_000));
      const ways: [flags: string[], isTerminal: boolean, shows: RegExp][] = [
        [[], true, /\r\[#+\] 100 % of 2\.9 MiB/],
        [[], false, /INFO Downloading: 100 % of 2\.9 MiB/],
        [
          ["--log-format", "json"],
          false,
          /"event":"progress",.*"received_bytes":\d+,"total_bytes":\d+/,
        ],
        [
          ["--log-format", "json"],
          true,
          /"event":"progress",.*"received_bytes":\d+,"total_bytes":\d+/,
        ],
      ];
      let at = 0;
      for (const [flags, isTerminal, shows] of ways) {
        const identity = `echo mac=02:00:00:00:00:0${at++}`;
        await withRig({ serverUrl: server.url, identity }, async (rig) => {
          assert.equal((await rig.run("daemon", "--once")).code, 0);
          server.createDeployment({ artifactName: "release-2" });
          const line = ["daemon", "--once", ...flags];
          if (!isTerminal) {
            const { stderr } = await rig.run(...line);
            assert.match(stderr, shows);
            assert.doesNotMatch(stderr, /\r/);
            return;
          }
          const terminal = new PseudoTerminal(rig.command(...line), PLAIN);
          try {
            await terminal.ended;
            assert.match(terminal.output, shows);
            assert.equal(terminal.output.includes("\r["), flags.length === 0);
          } finally {
            await terminal.close();
          }
        });
      }
    }),
  terminalPeer,
);
