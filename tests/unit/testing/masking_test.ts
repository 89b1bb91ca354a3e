import assert from "node:assert/strict";
import { maskHeaders, maskJson, maskQuery } from "../../../lib/testing/server/masking.ts";
import { test } from "../../support/test.ts";

test("maskHeaders() keeps the scheme of a credential only", () => {
  const headers = new Map([["authorization", "Bearer a.b.c"], ["cookie", "JWT=x"], ["host", "h"]]);
  assert.deepEqual(maskHeaders(headers), {
    authorization: "Bearer ***",
    cookie: "***",
    host: "h",
  });
});

test("maskQuery() hides signatures", () => {
  assert.deepEqual(maskQuery(new URLSearchParams("expires=1&signature=abc")), {
    expires: "1",
    signature: "***",
  });
});

test("maskJson() hides secrets at every level, and shows that one is empty", () => {
  assert.deepEqual(maskJson([{ tenant_token: "x", a: { password: "y", b: null } }]), [
    { tenant_token: "***", a: { password: "***", b: null } },
  ]);
  assert.deepEqual(maskJson({ tenant_token: "" }), { tenant_token: "" });
});
