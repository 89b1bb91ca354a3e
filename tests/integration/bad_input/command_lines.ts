import type { BadInput, BadInputChapter, BadInputRow } from "./bad_input.ts";
import { inRealTime } from "./play.ts";

const COMMANDS = [
  ...["bootstrap", "daemon", "report", "terminal", "status", "check-update", "send-inventory"],
  ...["show-artifact", "show-provides", "check-config", "verify x", "serve", "setup"],
  ...["permissions", "completions bash", "demo", "flow", "flow set", "flow clear", "flow check x"],
];

const NO_BUS = { DBUS_SYSTEM_BUS_ADDRESS: "unix:path=/no/such/bus" };

export const commandLines: BadInputChapter = {
  title: "The command line",
  about: "With `--log-format json` each of these is one JSON object.",
  inputs: [
    {
      input: "an unknown command",
      rows: [["demon", 2, /unknown command 'demon'.*Did you mean daemon\?/], [
        "flow sett",
        2,
        /Did you mean set\?/,
      ]],
    },
    {
      input: "an unknown option",
      rows: COMMANDS.map((line): BadInputRow => [`${line} --bogus`, 2, /unknown option '--bogus'/]),
    },
    {
      input: "an option that is nearly right",
      rows: [["daemon --onec", 2, /Did you mean --once\?/], [
        "--confg x daemon",
        2,
        /Did you mean --config\?/,
      ]],
    },
    {
      input: "an option without its value",
      rows: [
        ...["--root", "-c", "-b", "-d", "-L", "-l", "--log-format", "-E"].map(
          (option): BadInputRow => [`show-artifact ${option}`, 2, /argument missing/],
        ),
        ["report --status", 2, /argument missing/],
        ["report --success --message", 2, /argument missing/],
        ["flow set --for", 2, /argument missing/],
        ["serve --listen", 2, /argument missing/],
      ],
    },
    {
      input: "a value that is none of its kind",
      rows: [
        ["--log-format xml daemon", 2, /wanted one of text, json, found 'xml'/],
        ["report --status done", 2, /wanted one of installing, rebooting, found 'done'/],
        ["completions tcsh", 2, /wanted one of bash, zsh, fish, found 'tcsh'/],
        ["serve --listen nowhere", 2, /wanted HOST:PORT/],
        ["serve --listen 127.0.0.1:99999", 2, /wanted HOST:PORT/],
      ],
    },
    {
      input: "an unknown log level",
      rows: [["-l loud show-artifact", 0, /There is no log level "loud"; info is used/]],
    },
    {
      input: "a word too many",
      rows: [["daemon extra", 2, /too many arguments/], [
        "report --success extra",
        2,
        /too many arguments/,
      ], ["show-artifact extra", 2, /too many arguments/]],
    },
    {
      input: "an argument too few",
      rows: [["verify", 2, /missing required argument 'file'/], [
        "completions",
        2,
        /missing required argument 'shell'/,
      ], ["flow check", 2, /missing required argument 'map'/]],
    },
    {
      input: "no outcome, or two",
      rows: [["report", 2, /give one of/], ["report --success --failure", 2, /give one of/], [
        "report --success --status installing",
        2,
        /give one of/,
      ]],
    },
    {
      input: "a log that cannot be written",
      rows: [["-L {root}/no/dir/x show-artifact", 1, /Cannot write the log file/], [
        "-L {root} show-artifact",
        1,
        /it is a directory/,
      ]],
    },
    { input: "no terminal", rows: [["flow", 2, /this is no terminal/]] },
    {
      input: "a server beyond this machine without a password",
      rows: [["serve --listen 0.0.0.0:0", 2, /without a password/]],
    },
    {
      input: "a password that cannot be read",
      rows: [["serve --password-file {root}/no", 2, /there is no such file/], [
        "serve --password-file {root}",
        2,
        /it is a directory/,
      ]],
    },
    {
      input: "a file as directory of the server",
      rows: [["serve --dir {root}/etc/mender/mender.conf", 1, /something else stands there/]],
    },
  ],
};

const ID = "01234567-89ab-cdef-0123-456789abcdef";
const map = (more: object): string => JSON.stringify({ id: ID, priority: 0, ...more });

/** A map from standard input, to both commands that take one. */
function both(input: string, stdin: string, says: RegExp): BadInput {
  return {
    input,
    stdin,
    before: "cat map |",
    rows: [["flow check -", 1, says], ["flow set -", 2, says]],
  };
}

export const controlMaps: BadInputChapter = {
  title: "Update Control Maps",
  about:
    "`flow check` fails for a map that is wrong; for `flow set` it is a part of the command line.",
  inputs: [
    both("no JSON", "pause", /it is not JSON: line 1, column 1/),
    both("a list", "[]", /Cannot use the Update Control Map/),
    both("empty", "", /standard input is empty/),
    both("1 MB", " ".repeat(1 << 20), /larger than 65536 bytes/),
    both("nested too deeply", '{"a":'.repeat(50), /nested deeper than 32/),
    both("an ID that is no UUID", '{"id":"x","priority":0}', /id: wanted a UUID, found "x"/),
    both("priority 11", map({ priority: 11 }), /priority: wanted .* -10 to 10, found 11/),
    both(
      "an unknown point",
      map({ states: { Download_Enter: { action: "pause" } } }),
      /Download_Enter/,
    ),
    both(
      "an unknown action",
      map({ states: { ArtifactInstall_Enter: { action: "stop" } } }),
      /"stop" is not one of/,
    ),
    both("an unknown key", map({ prio: 1 }), /prio/),
    {
      input: "no such file",
      rows: [["flow check {root}/no.json", 1, /there is no such file/], [
        "flow set {root}/no.json",
        2,
        /there is no such file/,
      ]],
    },
    {
      input: "two sources",
      stdin: "{}",
      rows: [["flow set - --install pause", 2, /--install beside a map/], [
        "flow set - --policy p",
        2,
        /--policy beside a map/,
      ], ["flow set --policy p --install pause", 2, /--install beside --policy/]],
    },
    {
      input: "options that contradict",
      rows: [
        ["flow set --once --for 5s", 2, /--for beside --once/],
        ["flow set --once --clear-on-exit", 2, /--clear-on-exit beside --once/],
        ["flow set --after pause", 2, /--after without an action/],
        ["flow set --for soon", 2, /wanted a duration/],
        ["flow set --priority 11", 2, /found 11/],
        ["flow set --id x", 2, /wanted a UUID/],
        ["flow set --install stop", 2, /"stop" is not one of/],
        ["flow set --on-expire pause", 2, /"pause" is not one of/],
        ["flow clear --priority x", 2, /priority/],
      ],
    },
    {
      input: "a policy that is no JSON",
      arrange: (rig) => rig.write(`${rig.root}/policy.json`, "pause"),
      rows: [["flow set --policy {root}/policy.json", 2, /Cannot use the policy: it is not JSON/]],
    },
    {
      input: "a policy that is missing",
      rows: [["flow set --policy {root}/no.json", 2, /there is no such file/]],
    },
    {
      input: "no bus",
      env: NO_BUS,
      drivers: inRealTime,
      rows: [["flow set --once", 1, /nobody listens there/], [
        "flow clear",
        1,
        /nobody listens there/,
      ]],
    },
    {
      input: "an address that is no bus",
      env: { DBUS_SYSTEM_BUS_ADDRESS: "nonsense" },
      rows: [["flow set --once", 1, /D-Bus/]],
    },
  ],
};
