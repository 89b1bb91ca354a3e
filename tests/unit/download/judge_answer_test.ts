import assert from "node:assert/strict";
import type { FileVersion } from "../../../lib/download/file_version.ts";
import { judgeAnswer } from "../../../lib/download/judge_answer.ts";
import { test } from "../../support/test.ts";

const A = '"a"';
const known: FileVersion = { totalBytes: 1000, etag: A, lastModified: "Mon" };
const range = (text: string, more: Record<string, string> = {}): Record<string, string> => ({
  "content-range": text,
  ...more,
});

interface Row {
  readonly name: string;
  readonly offset: number;
  readonly known?: FileVersion;
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly expected: string;
  readonly skip?: number;
}

const rows: Row[] = [
  { name: "a first answer", offset: 0, known: {}, status: 200, expected: "take", skip: 0 },
  {
    name: "a first answer without a length",
    offset: 0,
    known: {},
    status: 200,
    headers: {},
    expected: "take",
    skip: 0,
  },
  {
    name: "the first byte again, of another file",
    offset: 0,
    status: 200,
    headers: { "content-length": "7" },
    expected: "anew",
  },
  {
    name: "the range that was asked for",
    offset: 100,
    status: 206,
    headers: range("bytes 100-999/1000", { etag: A }),
    expected: "take",
    skip: 0,
  },
  {
    name: "a range without a total",
    offset: 100,
    status: 206,
    headers: range("bytes 100-999/*"),
    expected: "take",
    skip: 0,
  },
  {
    name: "a shorter range than the rest",
    offset: 100,
    status: 206,
    headers: range("bytes 100-499/1000"),
    expected: "take",
    skip: 0,
  },
  {
    name: "a range that begins too early",
    offset: 100,
    status: 206,
    headers: range("bytes 60-999/1000"),
    expected: "take",
    skip: 40,
  },
  {
    name: "a range that begins too late",
    offset: 100,
    status: 206,
    headers: range("bytes 101-999/1000"),
    expected: "retry",
  },
  {
    name: "a range that ends too early",
    offset: 100,
    status: 206,
    headers: range("bytes 0-99/1000"),
    expected: "retry",
  },
  { name: "a part that does not say which", offset: 100, status: 206, expected: "retry" },
  {
    name: "a garbled range",
    offset: 100,
    status: 206,
    headers: range("bytes=100-999"),
    expected: "retry",
  },
  {
    name: "a range whose length contradicts it",
    offset: 100,
    status: 206,
    headers: range("bytes 100-999/1000", { "content-length": "5" }),
    expected: "retry",
  },
  {
    name: "a range of a file of another size",
    offset: 100,
    status: 206,
    headers: range("bytes 100-1999/2000"),
    expected: "forget",
  },
  {
    name: "a range of a file of the same size with another tag",
    offset: 100,
    status: 206,
    headers: range("bytes 100-999/1000", { etag: '"b"' }),
    expected: "forget",
  },
  {
    name: "a range of a file that was changed, by its date",
    offset: 100,
    known: { totalBytes: 1000, lastModified: "Mon" },
    status: 206,
    headers: range("bytes 100-999/1000", { "last-modified": "Tue" }),
    expected: "forget",
  },
  {
    name: "a range with the same tag and another date",
    offset: 100,
    status: 206,
    headers: range("bytes 100-999/1000", { etag: A, "last-modified": "Tue" }),
    expected: "take",
    skip: 0,
  },
  {
    name: "a part that nobody asked for",
    offset: 0,
    known: {},
    status: 206,
    headers: range("bytes 0-499/1000"),
    expected: "take",
    skip: 0,
  },
  {
    name: "a part that nobody asked for, from the middle",
    offset: 0,
    known: {},
    status: 206,
    headers: range("bytes 500-999/1000"),
    expected: "retry",
  },
  {
    name: "everything, vouched for by the tag",
    offset: 100,
    status: 200,
    headers: { "content-length": "1000", etag: A },
    expected: "take",
    skip: 100,
  },
  {
    name: "everything, from a server that does not do ranges",
    offset: 100,
    status: 200,
    headers: { "content-length": "1000" },
    expected: "anew",
  },
  {
    name: "everything of another file",
    offset: 100,
    status: 200,
    headers: { "content-length": "1000", etag: '"b"' },
    expected: "anew",
  },
  {
    name: "a weak tag vouches for nothing",
    offset: 100,
    known: { totalBytes: 1000 },
    status: 200,
    headers: { "content-length": "1000", etag: 'W/"a"' },
    expected: "anew",
  },
  { name: "416 when everything is stored", offset: 1000, status: 416, expected: "complete" },
  {
    name: "416 that tells the size that is stored",
    offset: 700,
    known: {},
    status: 416,
    headers: range("bytes */700"),
    expected: "complete",
  },
  {
    name: "416 of a file that has become smaller",
    offset: 700,
    status: 416,
    headers: range("bytes */700"),
    expected: "forget",
  },
  { name: "416 in the middle", offset: 100, status: 416, expected: "forget" },
  { name: "416 to a request for everything", offset: 0, known: {}, status: 416, expected: "retry" },
  ...[403, 404].map((status) => ({ name: `${status}`, offset: 5, status, expected: "renew" })),
  ...[408, 429, 500, 502, 503, 504, 204, 304, 100].map((status) => ({
    name: `${status}`,
    offset: 5,
    status,
    expected: "retry",
  })),
  ...[400, 401, 405, 410, 451].map((status) => ({
    name: `${status}`,
    offset: 5,
    status,
    expected: "refuse",
  })),
];

for (const row of rows) {
  test(`judgeAnswer() to ${row.name}: ${row.expected}`, () => {
    const headers = new Map(Object.entries(row.headers ?? {}));
    if (row.name === "a first answer") headers.set("content-length", "1000");
    const judgement = judgeAnswer(
      { offset: row.offset, known: row.known ?? known },
      row.status,
      headers,
    );
    assert.equal(judgement.do, row.expected);
    if (judgement.do === "take") assert.equal(judgement.skip, row.skip);
    if ("why" in judgement) assert.ok(judgement.why.length > 10);
  });
}
