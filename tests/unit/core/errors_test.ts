import assert from "node:assert/strict";
import * as errors from "../../../lib/core/errors.ts";
import { test } from "../../support/test.ts";

const { causeChain, isMenderError, MenderError, messageOf } = errors;

for (const [name, value] of Object.entries(errors)) {
  if (!/^[A-Z].*Error$/.test(name)) continue;
  test(`${name} carries its own name, code, hint and advice`, () => {
    const Class = value as unknown as typeof MenderError;
    const cause = new Error("underneath");
    const error = new Class("area.reason", "Cannot do it", {
      cause,
      hint: "Do this",
      retry: "never",
    });
    assert.equal(error.name, name);
    assert.ok(error instanceof MenderError && error instanceof Error);
    assert.deepEqual(
      [error.code, error.message, error.hint, error.retry, error.cause],
      ["area.reason", "Cannot do it", "Do this", "never", cause],
    );
    assert.equal(String(error), `${name}: Cannot do it`);
  });
}

test("MenderError without options advises another try later and has no cause", () => {
  const error = new MenderError("area.reason", "Cannot do it");
  assert.deepEqual([error.retry, error.hint, "cause" in error], ["later", undefined, false]);
});

class SameFromAnotherCopy extends Error {
  readonly code = "download.gave-up";
  readonly retry = "never";
}

const guarded: [name: string, thrown: unknown, code: string | undefined, expected: boolean][] = [
  ["any code", new MenderError("api.refused", "x"), undefined, true],
  ["the same code", new MenderError("api.refused", "x"), "api.refused", true],
  ["the start of a code", new MenderError("api.refused", "x"), "api.ref", false],
  ["its area", new MenderError("api.refused", "x"), "api.", true],
  ["another area", new MenderError("api.refused", "x"), "ap.", false],
  ["another copy of the package", new SameFromAnotherCopy(), "download.gave-up", true],
  ["an error of the system", Object.assign(new Error("x"), { code: "ENOENT" }), undefined, false],
  ["a number as code", Object.assign(new Error("x"), { code: 20, retry: 1 }), undefined, false],
  ["an object that is no error", { code: "api.refused", retry: "later" }, undefined, false],
  ["nothing", undefined, undefined, false],
];
for (const [name, thrown, code, expected] of guarded) {
  test(`isMenderError() says ${expected} to ${name}`, () => {
    assert.equal(isMenderError(thrown, code), expected);
  });
}

const messages: [name: string, thrown: unknown, expected: string][] = [
  ["an error", new Error("Cannot do it"), "Cannot do it"],
  ["several lines", new Error("one\r\n   two\n\nthree\n"), "one two three"],
  ["an error without a message", new TypeError(), "TypeError"],
  ["a text", " as it is ", "as it is"],
  ["a number", 7, "7"],
  ["nothing", undefined, "undefined"],
  ["an object without a prototype", Object.create(null), "object"],
];
for (const [name, thrown, expected] of messages) {
  test(`messageOf() gives one line for ${name}`, () => assert.equal(messageOf(thrown), expected));
}

test("causeChain() lists an error and its causes, outermost first", () => {
  const error = new Error("outer", { cause: new Error("middle", { cause: "inner" }) });
  assert.deepEqual(causeChain(error), ["outer", "middle", "inner"]);
  assert.deepEqual(causeChain(undefined), []);
});

test("causeChain() says each message once and ends where causes go round", () => {
  const first = new Error("first");
  const second = new Error("second", { cause: first });
  first.cause = second;
  assert.deepEqual(causeChain(new Error("first", { cause: first })), ["first", "second"]);
});

test("causeChain() goes through all parts of an AggregateError", () => {
  const parts = [new Error("a", { cause: new Error("why a") }), new Error("b")];
  const error = new Error("all failed", { cause: new AggregateError(parts, "2 failures") });
  assert.deepEqual(causeChain(error), ["all failed", "2 failures", "a", "why a", "b"]);
});

test("causeChain() of a very long chain is bounded", () => {
  let error = new Error("0");
  for (let at = 1; at < 500; at++) error = new Error(`${at}`, { cause: error });
  assert.equal(causeChain(error).length, 20);
});
