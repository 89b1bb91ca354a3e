import { strict as assert } from "node:assert";
import { test } from "../../support/test.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { DEFAULT_LIMITS } from "../../../lib/artifact/limits.ts";
import { TarReader } from "../../../lib/artifact/tar/tar_reader.ts";
import { joined, TAR_END, tarArchive, type TarEntry } from "../../../lib/testing/tar_writer.ts";
import { tarHeader, tarMember } from "../../../lib/testing/tar_writer.ts";

/** Reads a whole archive: names, sizes and contents of its members. */
function list(bytes: Uint8Array, chunkBytes = bytes.length): [string, number, string][] {
  const reader = new TarReader("the archive", DEFAULT_LIMITS);
  const members: [string, number, string][] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    for (const event of reader.read(bytes.subarray(at, at + chunkBytes))) {
      if (event.type === "member") members.push([event.name, event.sizeBytes, ""]);
      if (event.type === "data") members.at(-1)![2] += new TextDecoder().decode(event.bytes);
    }
  }
  reader.finish();
  return members;
}

function pax(...records: [string, string][]): TarEntry {
  const content = records.map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = new TextEncoder().encode(rest).length + 1;
    while (`${length}`.length + new TextEncoder().encode(rest).length !== length) length++;
    return `${length}${rest}`;
  }).join("");
  return { name: "PaxHeaders/x", content, typeFlag: "x" };
}
const FILE: TarEntry = { name: "short", content: "content" };
const LONG = "a-long-name-".repeat(20);

/** The header block again, with other bytes at a place and the checksum put right. */
function patched(header: Uint8Array, at: number, text: string): Uint8Array {
  const block = Uint8Array.from(header);
  block.set(new TextEncoder().encode(text), at);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return block;
}

test("TarReader lists members the same way for all chunk sizes", () => {
  const bytes = tarArchive([
    FILE,
    { name: "empty", content: "" },
    {
      name: "folder/block",
      content: "b".repeat(512),
    },
    pax(["path", LONG], ["mtime", "1.5"]),
    FILE,
  ]);
  const whole = list(bytes);
  assert.deepEqual(whole, [
    ["short", 7, "content"],
    ["empty", 0, ""],
    ["folder/block", 512, "b".repeat(512)],
    [LONG, 7, "content"],
  ]);
  for (const chunkBytes of [1, 7, 511, 512, 513]) assert.deepEqual(list(bytes, chunkBytes), whole);
});

test("TarReader takes a name from GNU, pax and the ustar prefix, for one member only", () => {
  const gnu = { name: "././@LongLink", content: `${LONG}\0`, typeFlag: "L" };
  assert.deepEqual(list(tarArchive([gnu, FILE, FILE])).map(([name]) => name), [LONG, "short"]);
  const prefixed = patched(tarHeader("name", 0), 345, "some/folder");
  assert.deepEqual(list(joined([prefixed, TAR_END])), [["some/folder/name", 0, ""]]);
  const gnuMagic = patched(patched(tarHeader("name", 0), 257, "ustar  \0"), 345, "00000000000");
  assert.deepEqual(list(joined([gnuMagic, TAR_END])), [["name", 0, ""]]);
});

test("TarReader reads sizes in octal, in binary and from pax", () => {
  const fields = ["00000000007\0", "0000000007 \0", "          7 ", "000000000007"];
  fields.push("\u0000"); // replaced below: a set top bit, then a big-endian number
  for (const field of fields) {
    let header = tarHeader("f", 0);
    if (field === "\u0000") {
      header[124] = 0x80;
      header.fill(0, 125, 135);
      header[135] = 7;
      header = patched(header, 0, "f");
    } else header = patched(header, 124, field);
    const bytes = joined([
      header,
      tarMember({ name: "", content: "1234567" }).subarray(512),
      TAR_END,
    ]);
    assert.deepEqual(list(bytes), [["f", 7, "1234567"]], JSON.stringify(field));
  }
  const withPax = joined([
    tarMember(pax(["size", "7"])),
    tarHeader("f", 0),
    tarMember({ name: "", content: "1234567" }).subarray(512),
    TAR_END,
  ]);
  assert.deepEqual(list(withPax), [["f", 7, "1234567"]]);
  const reader = new TarReader("the archive", DEFAULT_LIMITS);
  const [event] = reader.read(tarHeader("huge", 2 ** 40));
  assert.deepEqual(event, { type: "member", name: "huge", sizeBytes: 2 ** 40 });
});

const header = (at: number, text: string) =>
  joined([patched(tarHeader("f", 0), at, text), TAR_END]);
const negative = Uint8Array.from(tarHeader("f", 0));
negative.fill(0xff, 124, 136);
const enormous = Uint8Array.from(tarHeader("f", 0));
enormous[124] = 0x80;
enormous[128] = 1;

const REFUSED: [name: string, code: string, bytes: Uint8Array][] = [
  ["a header without ustar", "bad-tar", header(257, "\0\0\0\0\0\0\0\0")],
  ["a size with other characters", "bad-tar", header(124, "0000000009x\0")],
  ["an empty size", "bad-tar", header(124, "\0\0\0\0\0\0\0\0\0\0\0\0")],
  ["a negative size", "bad-tar", joined([patched(negative, 0, "f"), TAR_END])],
  ["a size beyond exact numbers", "bad-tar", joined([patched(enormous, 0, "f"), TAR_END])],
  ["a name that is not UTF-8", "bad-name", joined([notUtf8(), TAR_END])],
  ["global pax records", "bad-member-type", tarArchive([{ ...pax(["path", "x"]), typeFlag: "g" }])],
  ["a sparse file", "bad-member-type", tarArchive([{ ...FILE, typeFlag: "S" }])],
  ["a pax sparse file", "bad-member-type", tarArchive([pax(["GNU.sparse.major", "1"]), FILE])],
  ["a GNU long link", "bad-member-type", tarArchive([{ ...FILE, typeFlag: "K" }, FILE])],
  [
    "two pax headers for one member",
    "bad-tar",
    tarArchive([pax(["a", "b"]), pax(["a", "b"]), FILE]),
  ],
  ["a pax header without a member", "bad-tar", tarArchive([pax(["path", "x"])])],
  ["an empty pax header", "bad-tar", tarArchive([{ ...pax(), content: "" }, FILE])],
  ["a large pax header", "too-large", tarArchive([pax(["comment", "x".repeat(20_000)]), FILE])],
  ...["9 a=b", "7 a=b\n", "5 a=b\n", "x a=b\n", "0 a=b\n", "6 abc\n", "4 =\n", "a=b\n", "99 a=b\n"]
    .map((content): [string, string, Uint8Array] => [
      `the pax record ${JSON.stringify(content)}`,
      "bad-tar",
      tarArchive([{ ...pax(), content }, FILE]),
    ]),
  ["a pax size that is no number", "bad-tar", tarArchive([pax(["size", "-1"]), FILE])],
];

function notUtf8(): Uint8Array {
  const block = Uint8Array.from(tarHeader("f", 0));
  block[1] = 0xff;
  return patched(block, 0, "f");
}

for (const [name, code, bytes] of REFUSED) {
  test(`TarReader refuses ${name}`, () => {
    for (const chunkBytes of [bytes.length, 100]) {
      assert.throws(() => list(bytes, chunkBytes), (error) => {
        assert.ok(isMenderError(error, `artifact.${code}`), String(error));
        return true;
      });
    }
  });
}
