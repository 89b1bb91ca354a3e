import assert from "node:assert/strict";
import {
  controlMapJson,
  controlMapText,
  MAX_MAP_LENGTH,
  parseControlMap,
  readControlMap,
} from "../../../lib/control/control_map_json.ts";
import { isDeletion } from "../../../lib/control/control_map.ts";
import { isMenderError, messageOf } from "../../../lib/core/errors.ts";
import { test } from "../../support/test.ts";

const ID = "01234567-89ab-cdef-0123-456789abcdef";
const withState = (fields: string): string =>
  `{"id":"${ID}","states":{"ArtifactInstall_Enter":{${fields}}}}`;
const install = (fields: string): unknown =>
  parseControlMap(withState(fields)).states
    .ArtifactInstall_Enter;

const defaults: [fields: string, action: string, onMapExpire: string, onActionExecuted: string][] =
  [
    ['"action":"pause"', "pause", "fail", "pause"],
    ['"action":"fail"', "fail", "fail", "fail"],
    ['"action":"force_continue"', "force_continue", "force_continue", "force_continue"],
    ['"action":"pause","on_map_expire":"continue"', "pause", "continue", "pause"],
    ['"action":"pause","on_action_executed":"continue"', "pause", "fail", "continue"],
    ['"action":"continue","on_action_executed":"pause"', "continue", "continue", "pause"],
    ['"on_map_expire":"fail"', "continue", "fail", "continue"],
    [
      '"action":"","on_map_expire":"","on_action_executed":"pause"',
      "continue",
      "continue",
      "pause",
    ],
    ['"action":"pause","on_map_expire":null,"on_action_executed":null', "pause", "fail", "pause"],
  ];

for (const [fields, action, onMapExpire, onActionExecuted] of defaults) {
  test(`parseControlMap() fills in what {${fields}} leaves out`, () => {
    assert.deepEqual(install(fields), { action, onMapExpire, onActionExecuted });
  });
}

test("parseControlMap() drops points that say nothing, and keeps all others", () => {
  for (const fields of ["", '"action":"continue"', '"action":"","on_map_expire":"continue"']) {
    assert.equal(install(fields), undefined);
    assert.equal(isDeletion(parseControlMap(withState(fields))), true);
  }
  assert.equal(isDeletion(parseControlMap(withState('"on_map_expire":"fail"'))), false);
});

test("parseControlMap() takes a map without priority or states", () => {
  for (const rest of ["", ',"states":null', ',"states":{}', ',"priority":null', ',"priority":-0']) {
    assert.deepEqual(parseControlMap(`{"id":"${ID}"${rest}}`), { id: ID, priority: 0, states: {} });
  }
  assert.ok(Object.is(parseControlMap(`{"id":"${ID}","priority":-0}`).priority, 0));
});

test("parseControlMap() keeps the letter case of an ID", () => {
  assert.equal(parseControlMap(`{"id":"${ID.toUpperCase()}"}`).id, ID.toUpperCase());
});

const refused: [name: string, text: string, code: string, says: string][] = [
  ["nothing", "", "control.not-json", "it is not JSON: line 1, column 1"],
  ["no JSON", "pause", "control.not-json", "it is not JSON: line 1, column 1"],
  ["half a map", `{"id":"${ID}"`, "control.not-json", "it is not JSON: line 1, column 45"],
  ["text behind the map", `{"id":"${ID}"} x`, "control.not-json", "column 47"],
  ["null", "null", "control.bad-map", ": wanted a JSON object, found null"],
  ["a list", "[]", "control.bad-map", ": wanted a JSON object, found []"],
  ["no ID", "{}", "control.bad-map", ": id: wanted a UUID, found nothing"],
  ["an empty ID", '{"id":""}', "control.bad-map", ': id: wanted a UUID, found ""'],
  ["a number as ID", '{"id":7}', "control.bad-map", ": id: wanted a UUID, found 7"],
  ["a short ID", '{"id":"1234"}', "control.bad-map", ': id: wanted a UUID, found "1234"'],
  ["an ID in braces", `{"id":"{${ID}}"}`, "control.bad-map", ": id: wanted a UUID"],
  [
    "an ID with a hyphen elsewhere",
    '{"id":"0123456-789ab-cdef-0123-456789abcdef"}',
    "control.bad-map",
    ": id: wanted a UUID",
  ],
  [
    "priority 11",
    `{"id":"${ID}","priority":11}`,
    "control.bad-map",
    ": priority: wanted a whole number from -10 to 10, found 11",
  ],
  ["priority -11", `{"id":"${ID}","priority":-11}`, "control.bad-map", ", found -11"],
  ["priority 1.5", `{"id":"${ID}","priority":1.5}`, "control.bad-map", ", found 1.5"],
  ["a priority in quotes", `{"id":"${ID}","priority":"1"}`, "control.bad-map", ', found "1"'],
  [
    "an unknown field",
    `{"id":"${ID}","prority":1}`,
    "control.bad-map",
    ': "prority" is no field of a map',
  ],
  ["a key in other letter case", `{"ID":"${ID}"}`, "control.bad-map", ': "ID" is no field'],
  [
    "a repeated key",
    `{"id":"${ID}","id":"${ID}"}`,
    "control.bad-map",
    ": id: this key is there twice",
  ],
  [
    "states as a list",
    `{"id":"${ID}","states":[]}`,
    "control.bad-map",
    ": states: wanted a JSON object, found []",
  ],
  [
    "an unknown state",
    `{"id":"${ID}","states":{"ArtifactInstall":{}}}`,
    "control.bad-map",
    ': states: "ArtifactInstall" is no state of a map',
  ],
  [
    "the state __proto__",
    `{"id":"${ID}","states":{"__proto__":{}}}`,
    "control.bad-map",
    ': states: "__proto__" is no state',
  ],
  [
    "an action instead of a state",
    `{"id":"${ID}","states":{"ArtifactReboot_Enter":"pause"}}`,
    "control.bad-map",
    ': states.ArtifactReboot_Enter: wanted a JSON object, found "pause"',
  ],
  [
    "an unknown action",
    withState('"action":"stop"'),
    "control.bad-map",
    ': states.ArtifactInstall_Enter.action: "stop" is not one of continue, force_continue, pause, fail',
  ],
  [
    "a pause on expiry",
    withState('"on_map_expire":"pause"'),
    "control.bad-map",
    ': states.ArtifactInstall_Enter.on_map_expire: "pause" is not one of continue, force_continue, fail',
  ],
  [
    "a number as action",
    withState('"on_action_executed":1'),
    "control.bad-map",
    ": states.ArtifactInstall_Enter.on_action_executed: 1 is not one of",
  ],
  [
    "an unknown field of a state",
    withState('"actions":"pause"'),
    "control.bad-map",
    ': states.ArtifactInstall_Enter: "actions" is no field of a map',
  ],
  [
    "1 MB",
    `{"id":"${ID}"${" ".repeat(1 << 20)}}`,
    "control.bad-map",
    `: it is longer than ${MAX_MAP_LENGTH} characters`,
  ],
  ["1 MB in one value", `{"id":"${"a".repeat(60_000)}"}`, "control.bad-map", ": id: wanted a UUID"],
];

for (const [name, text, code, says] of refused) {
  test(`parseControlMap() refuses ${name} with one short line`, () => {
    assert.throws(() => parseControlMap(text), (error) => {
      const message = messageOf(error);
      assert.ok(isMenderError(error, code), message);
      assert.ok(message.startsWith("Cannot use the Update Control Map: "), message);
      assert.ok(message.includes(says), message);
      assert.ok(message.length < 220 && !message.includes("\n"), message);
      return true;
    });
  });
}

test("parseControlMap() names what was meant", () => {
  const hintOf = (text: string): string | undefined => {
    try {
      parseControlMap(text);
    } catch (error) {
      return isMenderError(error) ? error.hint : undefined;
    }
  };
  assert.equal(hintOf(`{"id":"${ID}","prority":1}`), 'Did you mean "priority"?');
  assert.equal(hintOf(withState('"action":"Pause"')), 'Did you mean "pause"?');
  assert.equal(hintOf(`{"id":"${ID}","states":{"ArtifactInstall":{}}}`), undefined);
});

test("controlMapJson() writes every field, and is read back as the same map", () => {
  const map = parseControlMap(withState('"action":"pause"'));
  assert.deepEqual(controlMapJson(map), {
    id: ID,
    priority: 0,
    states: {
      ArtifactInstall_Enter: {
        action: "pause",
        on_map_expire: "fail",
        on_action_executed: "pause",
      },
    },
  });
  assert.deepEqual(parseControlMap(controlMapText(map)), map);
  assert.deepEqual(readControlMap(controlMapJson(map)), map);
});
