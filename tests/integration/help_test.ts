import assert from "node:assert/strict";
import { commandTree } from "../../cli/arguments.ts";
import type { TreeCommand } from "../../cli/command_line.ts";
import { EXAMPLES } from "../../cli/examples.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { withRig } from "../support/client_rig.ts";
import { runHere } from "../support/command_here.ts";
import { test } from "../support/test.ts";

const COLUMNS = 80;

/** The words of every command that help shows, and of its parts. */
function wordsOf(command: TreeCommand, before: readonly string[] = []): string[][] {
  return command.commands
    .filter(({ _hidden }) => _hidden !== true)
    .flatMap((each) => {
      const words = [...before, each.name()];
      return [words, ...wordsOf(each, words)];
    });
}

const tree = commandTree(await hostDrivers());
const commands = [[], ...wordsOf(tree)];

for (const words of commands) {
  const name = words.join(" ");
  test(`"mender-deno ${name}" has a help of at most 80 columns, with an example`, async () => {
    for (const columns of [undefined, COLUMNS]) {
      const { code, stdout, stderr } = await runHere([...words, "--help"], { columns });
      assert.deepEqual([code, stderr], [0, ""]);
      for (const line of stdout.split("\n")) assert.ok(line.length <= COLUMNS, line);
      const example = EXAMPLES[name];
      assert.ok(example?.startsWith(words.join(" ")), name);
      assert.ok(stdout.endsWith(`\nExample:\n  $ mender-deno ${example}\n`), stdout);
    }
  });
}

test("every example is a command line that is understood, and belongs to a command", async () => {
  assert.deepEqual(Object.keys(EXAMPLES).sort(), commands.map((words) => words.join(" ")).sort());
  for (const example of Object.values(EXAMPLES)) {
    const words = [...example.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) =>
      quoted ?? bare ?? ""
    );
    // Parsed, and not run: help is asked for behind all that was given.
    const { code, stderr } = await runHere([...words, "--help"]);
    assert.deepEqual([code, stderr], [0, ""], example);
  }
});

/** Lines that sub-updaters, units and people have for mender-python-client. */
const python: [line: string, code: number, stdout: RegExp, stderr: RegExp][] = [
  ["", 0, /^Usage: /, /^$/],
  ["-h", 0, /^Usage: /, /^$/],
  ["-v", 0, /^mender-deno /, /^$/],
  ["--version", 0, /^mender-deno /, /^$/],
  ["--version daemon", 0, /^mender-deno /, /^$/],
  ["-d DATA -l debug", 0, /^Usage: /, /^$/],
  ["show-artifact", 0, /^release-1\n$/, /^$/],
  ["--no-syslog show-artifact", 0, /^release-1\n$/, /^$/],
  ["-l critical show-artifact", 0, /^release-1\n$/, /^$/],
  ["--log-level CRITICAL show-artifact", 0, /^release-1\n$/, /^$/],
  ["--log-level=warning show-artifact", 0, /^release-1\n$/, /^$/],
  ["--data DATA show-artifact", 0, /^release-1\n$/, /^$/],
  ["show-artifact --data DATA -l error", 0, /^release-1\n$/, /^$/],
  ["-L LOG --log-level info bootstrap", 0, /^$/, /The device key is ready/],
  ["--forcebootstrap -L LOG bootstrap", 0, /^$/, /A new device key was made/],
  ["bootstrap -F", 0, /^$/, /A new device key was made/],
  ["-d DATA bootstrap", 0, /^$/, /The device key is ready/],
  ["report --success", 1, /^$/, /no deployment is in progress/],
  ["report --failure", 1, /^$/, /no deployment is in progress/],
  ["--data DATA --log-file LOG -l info report --failure", 1, /^$/, /no deployment is in progress/],
  ["-l critical report --success", 1, /^$/, /no deployment is in progress/],
  ["report", 2, /^$/, /give one of --success/],
  ["report --success --failure", 2, /^$/, /give one of --success/],
  ["nonsense", 2, /^$/, /unknown command 'nonsense'/],
  ["--nonsense", 2, /^$/, /unknown option '--nonsense'/],
];

for (const [line, code, stdout, stderr] of python) {
  test(`"mender-python-client ${line}" works as it is`, () =>
    withRig({ serverUrl: "http://127.0.0.1:9" }, async (rig) => {
      const words = line.split(" ").filter((word) => word !== "")
        .map((word) =>
          word.replace("DATA", rig.paths.dataDirectory).replace("LOG", `${rig.root}/l`)
        );
      const end = await runHere(words.length === 0 ? [] : ["--root", rig.root, ...words]);
      assert.match(end.stderr, stderr);
      assert.match(end.stdout, stdout);
      assert.equal(end.code, code);
      if (line.includes("LOG")) assert.ok(rig.read(`${rig.root}/l`) !== "" || code === 1);
    }));
}
