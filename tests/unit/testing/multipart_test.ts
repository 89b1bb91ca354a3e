import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { formBoundary, partText, readForm } from "../../../lib/testing/server/multipart.ts";
import { test } from "../../support/test.ts";

const FORM = [
  "--XX",
  'Content-Disposition: form-data; name="size"',
  "",
  "12",
  "--XX",
  'content-disposition: form-data; name="artifact"; filename="a \\"b\\".mender"',
  "Content-Type: application/octet-stream",
  "",
  "line\r\n--X not the end\r\n-",
  "--XX",
  'Content-Disposition: form-data; name="empty"',
  "",
  "",
  "--XX--",
  "",
].join("\r\n");

async function* inPieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(text: string, size: number): Promise<unknown[]> {
  const parts: unknown[] = [];
  for await (const part of readForm(inPieces(text, size), "XX")) {
    parts.push([part.name, part.filename, await partText(part, 1000)]);
  }
  return parts;
}

test("readForm() gives the same parts however the bytes arrive", async () => {
  for (const size of [1, 2, 3, 5, 7, 64, 10_000]) {
    assert.deepEqual(await readAll(FORM, size), [
      ["size", undefined, "12"],
      ["artifact", 'a "b".mender', "line\r\n--X not the end\r\n-"],
      ["empty", undefined, ""],
    ], `pieces of ${size}`);
  }
});

test("readForm() skips what the reader of a part left", async () => {
  const names: string[] = [];
  for await (const part of readForm(inPieces(FORM, 4), "XX")) names.push(part.name);
  assert.deepEqual(names, ["size", "artifact", "empty"]);
});

const BROKEN: [string, string][] = [
  ["an empty body", ""],
  ["no boundary", "text"],
  ["no end", FORM.slice(0, -10)],
  ["a part without a name", "--XX\r\nContent-Type: text/plain\r\n\r\nx\r\n--XX--\r\n"],
  ["a boundary without a line end", "--XXY\r\n\r\n"],
  ["a head without end", `--XX\r\nA: ${"x".repeat(20_000)}`],
];
for (const [name, text] of BROKEN) {
  test(`readForm() refuses ${name}`, async () => {
    await assert.rejects(readAll(text, 7), { code: "server.bad-request" });
  });
}

test("partText() refuses a part that is too large", async () => {
  const form = readForm(inPieces(FORM, 7), "XX");
  const { value } = await form.next();
  assert.ok(value);
  await assert.rejects(partText(value, 1), { code: "server.too-large" });
});

test("formBoundary() reads the boundary of forms alone", () => {
  assert.equal(formBoundary("multipart/form-data; boundary=abc"), "abc");
  assert.equal(formBoundary('Multipart/Form-Data; charset=x; boundary="a b"'), "a b");
  assert.equal(formBoundary("multipart/mixed; boundary=abc"), undefined);
  assert.equal(formBoundary(undefined), undefined);
});
