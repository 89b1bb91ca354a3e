import assert from "node:assert/strict";
import { valuesOfLine } from "../../../cli/arguments.ts";
import { readPlainLine } from "../../../cli/plain_line.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const SEED = 20_261_130;
const WORDS = [
  ...["daemon", "daemon", "report", "report", "--success", "--failure", "--status", "installing"],
  ...["--message", "why not", "--once", "--stay", "--root", "-c", "--config", "-b"],
  ...["--fallback-config", "-d", "--data", "-L", "--log-file", "-l", "--log-level", "--log-format"],
  ...["text", "json", "xml", "-E", "--trusted-certs", "--skipverify", "-F", "--forcebootstrap"],
  ...[
    "--no-syslog",
    "--verbose",
    "/a/file",
    "critical",
    "",
    "-",
    "--",
    "-lerror",
    "--root=/x",
    "--root=",
    "--root=-x",
    "--once=1",
    "--status=rebooting",
    "--log-format=xml",
    ...["--message=a=b"],
  ],
  ...["-h", "--help", "-v", "--unknown", "<file>", "--syslog", "-Fc", "é"],
];

const drivers = await hostDrivers();
const silent = { ...drivers, self: { ...drivers.self, writeOut: () => {}, writeError: () => {} } };

test("a line of daemon or report means the same with and without the CLI library", () => {
  const random = seededRandom(SEED);
  let plain = 0;
  for (let turn = 0; turn < 30_000; turn++) {
    const length = 1 + Math.floor(random() * 6);
    const args = Array.from({ length }, () => WORDS[Math.floor(random() * WORDS.length)]!);
    const line = readPlainLine(args);
    if (line === undefined) continue;
    plain++;
    const { syslog: _, ...options } = valuesOfLine(silent, args).options as Record<string, unknown>;
    const { command, own } = valuesOfLine(silent, args);
    assert.deepEqual({ command, options, own }, line, args.join(" "));
  }
  assert.ok(plain > 300, `${plain}`);
});

for (
  const line of [
    "daemon",
    "--root /r daemon --stay",
    "-c /c -d /d daemon --once",
    "-l debug daemon",
  ]
) {
  test(`"${line}" is read without the CLI library`, () =>
    assert.ok(readPlainLine(line.split(" ")) !== undefined));
}

for (
  const line of [
    "",
    "status",
    "daemon report",
    "report --status done",
    "report --once",
    "daemon --json",
    "daemon -h",
    "--once daemon",
    "-c",
  ]
) {
  test(`"${line}" is left to the CLI library`, () =>
    assert.equal(readPlainLine(line.split(" ")), undefined));
}
