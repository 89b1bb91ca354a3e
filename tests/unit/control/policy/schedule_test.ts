import assert from "node:assert/strict";
import { parsePolicy } from "../../../../lib/control/policy/policy.ts";
import {
  LONGEST_LOOK_MS,
  nextLookInMs,
  type PolicyFacts,
  policyOrder,
  policyStand,
  refuseNeverOpen,
} from "../../../../lib/control/policy/schedule.ts";
import { isMenderError } from "../../../../lib/core/errors.ts";
import { letterId, notedMap } from "../../../support/control_maps.ts";
import { test } from "../../../support/test.ts";

const OWNER = { id: letterId("A") };
const POLICY = parsePolicy(JSON.stringify({
  time_zone: "UTC",
  states: {
    ArtifactInstall_Enter: { windows: [{ from: "02:00", to: "04:00" }] },
    ArtifactReboot_Enter: { while: ["/usr/bin/idle"], confirm: true },
    ArtifactCommit_Enter: { confirm: true },
  },
}));
const NIGHT = Date.UTC(2027, 0, 4, 3);
const NOON = Date.UTC(2027, 0, 4, 12);

const facts = (changes: Partial<PolicyFacts> = {}): PolicyFacts => ({
  wallMs: NOON,
  timeZone: "Asia/Tokyo",
  allowedByCommand: new Set(),
  confirmed: new Set(),
  ...changes,
});
const REBOOT = "ArtifactReboot_Enter";
const COMMIT = "ArtifactCommit_Enter";

const stands: [name: string, facts: PolicyFacts, held: string, map: string[]][] = [
  ["by day, nothing else", facts(), "window command confirmation", ["pause", "pause", "pause"]],
  ["by night", facts({ wallMs: NIGHT }), "command confirmation", ["-", "pause", "pause"]],
  [
    "with a command that allows it",
    facts({ allowedByCommand: new Set([REBOOT]) }),
    "window confirmation confirmation",
    ["pause", "pause", "pause"],
  ],
  [
    "with a confirmation alone, where a command is asked too",
    facts({
      confirmed: new Set([REBOOT]),
    }),
    "window command confirmation",
    ["pause", "pause", "pause"],
  ],
  [
    "with a command and a confirmation",
    facts({
      allowedByCommand: new Set([REBOOT]),
      confirmed: new Set([REBOOT]),
    }),
    "window confirmation",
    ["pause", "continue", "pause"],
  ],
  [
    "with everything",
    facts({
      wallMs: NIGHT,
      allowedByCommand: new Set([REBOOT]),
      confirmed: new Set([REBOOT, COMMIT]),
    }),
    "",
    ["-", "continue", "continue"],
  ],
  [
    "after the clock was set back by years",
    facts({ wallMs: Date.UTC(1970, 0, 1, 3) }),
    "command confirmation",
    ["-", "pause", "pause"],
  ],
];

for (const [name, current, held, actions] of stands) {
  test(`a policy ${name} holds ${held === "" ? "nothing" : held}`, () => {
    const stand = policyStand(POLICY, current);
    assert.equal(Object.values(stand.held).join(" "), held);
    const { map, once } = policyOrder(stand, OWNER);
    const sent = (once ?? map).states;
    assert.deepEqual([
      sent.ArtifactInstall_Enter?.action ?? "-",
      sent.ArtifactReboot_Enter?.action ?? "-",
      sent.ArtifactCommit_Enter?.action ?? "-",
    ], actions);
    // A confirmation is for one update; every refresh holds again.
    const kept = Object.values(map.states).map(({ action }) => action);
    assert.ok(kept.every((action) => action === "pause"));
  });
}

test("a policy by which all may pass is the order to delete the map", () => {
  const policy = parsePolicy(
    '{"states":{"ArtifactInstall_Enter":{"windows":[{"from":"00:00","to":"24:00"}]}}}',
  );
  const order = policyOrder(policyStand(policy, facts()), OWNER);
  assert.deepEqual(order, { map: notedMap("A-1:") });
});

test("windows go by the machine's time zone where the policy names none", () => {
  const policy = parsePolicy(
    '{"states":{"ArtifactInstall_Enter":{"windows":[{"from":"20:30","to":"21:30"}]}}}',
  );
  // 12:00 UTC is 21:00 in Tokyo.
  assert.deepEqual(policyStand(policy, facts()).held, {});
  assert.deepEqual(policyStand(policy, facts({ timeZone: "UTC" })).held, {
    ArtifactInstall_Enter: "window",
  });
});

test("nextLookInMs() leads to the next minute in steps that notice a clock that was set", () => {
  assert.equal(nextLookInMs(NOON), LONGEST_LOOK_MS);
  assert.equal(nextLookInMs(NOON + 59_000), 1000);
  assert.equal(nextLookInMs(NOON + 59_999), 1);
});

test("refuseNeverOpen() names the point whose windows never open", () => {
  const windows = [{ date: "2026-01-01", from: "01:00", to: "02:00" }];
  const policy = parsePolicy(
    JSON.stringify({ states: { ArtifactReboot_Enter: { windows } } }),
  );
  assert.throws(() => refuseNeverOpen(policy, facts()), (error) => {
    assert.ok(isMenderError(error, "control.bad-policy"));
    assert.match(error.message, /states\.ArtifactReboot_Enter\.windows: none of them opens/);
    return true;
  });
  refuseNeverOpen(policy, facts({ wallMs: Date.UTC(2025, 11, 31) }));
  refuseNeverOpen(POLICY, facts());
});

const install = (rules: unknown): string =>
  JSON.stringify({ states: { ArtifactInstall_Enter: rules } });
const window = (parts: Record<string, unknown>): string =>
  install({ windows: [{ from: "01:00", to: "02:00", ...parts }] });
const refused: [name: string, text: string, says: string][] = [
  ["no JSON", "pause", "it is not JSON: line 1"],
  ["a list", "[]", ": wanted a JSON object, found []"],
  ["no states", "{}", "states: wanted a JSON object, found nothing"],
  ["empty states", '{"states":{}}', "states: wanted rules for one state at least"],
  ["an unknown state", '{"states":{"Install":{}}}', 'states: "Install" is not one of Artifact'],
  ["an unknown field", '{"zone":"UTC","states":{}}', '"zone" is not one of time_zone, states'],
  ["an unknown zone", '{"time_zone":"Mars/Base"}', "time_zone: wanted a time zone as in"],
  ["no rules", install({}), "states.ArtifactInstall_Enter: wanted windows, while or confirm"],
  ["no windows", install({ windows: [] }), "windows: wanted a list with something in it"],
  ["an hour too many", window({ from: "25:00" }), 'windows[0].from: wanted a time as in "22:30"'],
  ["24:30", window({ to: "24:30" }), "windows[0].to: wanted a time"],
  ["a window from 24:00", window({ from: "24:00" }), 'from: wanted a time before "24:00"'],
  ["a window of no length", window({ from: "02:00" }), "windows[0]: it never opens"],
  ["an unknown day", window({ days: ["Mon"] }), 'days[0]: "Mon" is not one of sun, mon'],
  ["no days", window({ days: [] }), "days: wanted a list with something in it"],
  ["a date that is none", window({ date: "2027-02-29" }), "date: wanted a date"],
  ["a command as text", install({ while: "/bin/true" }), "while: wanted a list"],
  [
    "a command without its path",
    install({ while: ["true"] }),
    "while[0]: wanted the absolute path",
  ],
  ["a command of numbers", install({ while: [1] }), "while: wanted a list of texts"],
  ["a word for confirm", install({ confirm: "yes" }), "confirm: wanted true or false"],
  ["a repeated key", '{"states":{},"states":{}}', "states: this key is there twice"],
  ["1 MB", " ".repeat(1 << 20), "it is longer than 65536 characters"],
];

for (const [name, text, says] of refused) {
  test(`parsePolicy() refuses ${name}`, () => {
    assert.throws(() => parsePolicy(text), (error) => {
      assert.ok(isMenderError(error, "control.bad-policy"));
      assert.ok(error.message.startsWith("Cannot use the policy: "), error.message);
      assert.ok(error.message.includes(says), error.message);
      return true;
    });
  });
}
