import assert from "node:assert/strict";
import {
  anything,
  list,
  look,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  textThat,
  variant,
  whole,
} from "../../../lib/core/shape.ts";
import { test } from "../../support/test.ts";

const PERSON = object({
  name: text(1, 5),
  age: optional(whole(0)),
  tags: list(oneOf("a", "b"), 1),
  home: optional(object({ street: text() })),
  more: optional(anything),
});
const MESSAGE = variant("do", {
  go: object({ do: oneOf("go"), far: whole(1) }),
  stop: object({ do: oneOf("stop") }),
});
const EVEN = textThat("a text of even length", ({ length }) => length % 2 === 0);

const FITTING: readonly [name: string, shape: Shape<unknown>, value: unknown, seen?: unknown][] = [
  ["a text", text(), ""],
  ["a text as long as may be", text(1, 5), "abcde"],
  ["zero", whole(0), 0],
  ["a value of several", oneOf<number | boolean>(1, 2, true), true],
  ["an empty list", list(text()), []],
  ["all fields", PERSON, { name: "x", age: 3, tags: ["b"], home: { street: "" }, more: [null] }],
  ["no optional field", PERSON, { name: "x", tags: ["a", "a"] }],
  ["further fields, which are left out", PERSON, { name: "x", tags: ["a"], zip: 1 }, {
    name: "x",
    tags: ["a"],
  }],
  ["a form of several", MESSAGE, { do: "go", far: 2 }],
  ["another form", MESSAGE, { do: "stop", far: "left out" }, { do: "stop" }],
  ["a text that passes", EVEN, "ab"],
];
for (const [name, shape, value, seen = value] of FITTING) {
  test(`look() lets ${name} through`, () =>
    assert.deepEqual(look(shape, value), { isFit: true, value: seen }));
}

const MISFITS: readonly [shape: Shape<unknown>, value: unknown, why: string][] = [
  [text(), 1, "wanted a text, found a number"],
  [text(1), "", "wanted a text that is neither empty nor too long, found an empty text"],
  [text(0, 2), "abc", "wanted a text of at most 2 characters, found a text"],
  [EVEN, "abc", "wanted a text of even length, found a text"],
  [whole(1), 0, "wanted a whole number from 1 on, found a number"],
  [whole(0), 1.5, "wanted a whole number from 0 on, found a number"],
  [whole(0), 2 ** 53, "wanted a whole number from 0 on, found a number"],
  [whole(0), "1", "wanted a whole number from 0 on, found a text"],
  [oneOf("a", "b"), "c", 'wanted "a" or "b", found a text'],
  [oneOf(1), true, "wanted 1, found a boolean"],
  [list(text(), 1), [], "wanted a list of at least 1, found an empty list"],
  [list(text()), { length: 0 }, "wanted a list, found an object"],
  [list(text()), ["a", null], "1: wanted a text, found null"],
  [PERSON, undefined, "wanted an object, found nothing"],
  [PERSON, [], "wanted an object, found an empty list"],
  [
    PERSON,
    { tags: ["a"] },
    "name: wanted a text that is neither empty nor too long, found nothing",
  ],
  [PERSON, { name: "x", tags: ["a", "c"] }, 'tags.1: wanted "a" or "b", found a text'],
  [
    PERSON,
    { name: "x", tags: ["a"], home: { street: 1 } },
    "home.street: wanted a text, found a number",
  ],
  [
    PERSON,
    { name: "x", tags: ["a"], age: null },
    "age: wanted a whole number from 0 on, found null",
  ],
  [MESSAGE, { do: "go" }, "far: wanted a whole number from 1 on, found nothing"],
  [MESSAGE, { do: "toString" }, 'do: wanted "go" or "stop", found a text'],
  [MESSAGE, null, "wanted an object, found null"],
];
for (const [shape, value, why] of MISFITS) {
  test(`look() says of ${JSON.stringify(value)}: ${why}`, () =>
    assert.deepEqual(look(shape, value), { isFit: false, why }));
}

test("look() takes no field from the prototype of an object", () => {
  const inherited = Object.create({ street: "elsewhere" });
  assert.deepEqual(look(object({ street: text() }), inherited), {
    isFit: false,
    why: "street: wanted a text, found nothing",
  });
});

test("look() says nothing of what a value holds", () => {
  const found = look(PERSON, { name: "a-secret-that-is-too-long", tags: [] });
  assert.ok(!found.isFit && !found.why.includes("secret"));
});
