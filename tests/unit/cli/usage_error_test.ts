import assert from "node:assert/strict";
import { causeChain } from "../../../lib/core/errors.ts";
import { runHere } from "../../support/command_here.ts";
import { test } from "../../support/test.ts";

const SEE_HELP = "Add --help to see what can be given";

const rows: [line: string, code: string, message: string, hint: string][] = [
  ["demon", "unknown-command", "unknown command 'demon'", "Did you mean daemon?"],
  ["flow sett", "unknown-command", "unknown command 'sett'", "Did you mean set?"],
  [
    "mender-update-flow-control cler",
    "unknown-command",
    "unknown command 'cler'",
    "Did you mean clear?",
  ],
  ["quux", "unknown-command", "unknown command 'quux'", SEE_HELP],
  ["daemon --onec", "unknown-option", "unknown option '--onec'", "Did you mean --once?"],
  ["--confg x daemon", "unknown-option", "unknown option '--confg'", "Did you mean --config?"],
  [
    "daemon extra",
    "excess-arguments",
    "too many arguments for 'daemon': wanted 0, found 1",
    SEE_HELP,
  ],
  [
    "--data",
    "option-missing-argument",
    "option '-d, --data <dir>' argument missing",
    SEE_HELP,
  ],
  ["verify", "missing-argument", "missing required argument 'file'", SEE_HELP],
  [
    "report --status done",
    "invalid-argument",
    "option '--status <status>': wanted one of installing, rebooting, found 'done'",
    SEE_HELP,
  ],
  [
    "completions tcsh",
    "invalid-argument",
    "argument 'shell': wanted one of bash, zsh, fish, found 'tcsh'",
    SEE_HELP,
  ],
];

for (const [line, code, message, hint] of rows) {
  test(`"mender-deno ${line}" is refused in the form of the log`, async () => {
    const text = await runHere(line.split(" "));
    assert.deepEqual(text, { code: 2, stdout: "", stderr: `Error: ${message}\n  ${hint}\n` });
    const json = await runHere(["--log-format", "json", ...line.split(" ")]);
    assert.equal(json.code, 2);
    const { timestamp, ...record } = JSON.parse(json.stderr);
    assert.ok(!Number.isNaN(Date.parse(timestamp)));
    assert.deepEqual(record, { level: "fatal", message, code: `usage.${code}`, hint });
  });
}

test("causeChain() does not repeat what the message around it ends with", () => {
  const inner = new Error("it is a directory");
  const outer = new Error("Cannot read x: it is a directory", { cause: inner });
  assert.deepEqual(causeChain(outer), ["Cannot read x: it is a directory"]);
  assert.deepEqual(causeChain(new Error("it is a directory x", { cause: inner })), [
    "it is a directory x",
    "it is a directory",
  ]);
});
