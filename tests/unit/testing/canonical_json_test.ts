import assert from "node:assert/strict";
import { canonicalJson } from "../../../lib/testing/server/canonical_json.ts";
import { test } from "../../support/test.ts";

test("canonicalJson() sorts keys at every level and keeps lists as they are", () => {
  assert.equal(
    canonicalJson({ b: [2, 1, { d: null, c: "x" }], a: { z: true, y: 1.5 } }),
    '{"a":{"y":1.5,"z":true},"b":[2,1,{"c":"x","d":null}]}',
  );
});
