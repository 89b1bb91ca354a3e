import assert from "node:assert/strict";
import { parseContentRange } from "../../../lib/core/content_range.ts";
import { test } from "../../support/test.ts";

const rows: [value: string | undefined, expected: ReturnType<typeof parseContentRange>][] = [
  ["bytes 0-99/1000", { first: 0, last: 99, total: 1000 }],
  ["bytes 0-0/1", { first: 0, last: 0, total: 1 }],
  [" Bytes  5-9/* ", { first: 5, last: 9, total: undefined }],
  [undefined, undefined],
  ["", undefined],
  ["bytes */1000", undefined],
  ["bytes 9-5/100", undefined],
  ["bytes 0-100/100", undefined],
  ["bytes 0-99/50", undefined],
  ["bytes -5-9/100", undefined],
  ["bytes 0x0-9/100", undefined],
  ["bytes 0-9", undefined],
  ["bytes 0-9/100, 20-29/100", undefined],
  ["items 0-9/100", undefined],
  ["bytes 0-9999999999999999/99999999999999999", undefined],
];

for (const [value, expected] of rows) {
  test(`parseContentRange() reads ${JSON.stringify(value)}`, () => {
    assert.deepEqual(parseContentRange(value), expected);
  });
}
