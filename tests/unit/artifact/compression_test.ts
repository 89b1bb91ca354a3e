import { Buffer } from "node:buffer";
import { strict as assert } from "node:assert";
import { test } from "../../support/test.ts";
import { packed, READABLE_SUFFIXES } from "../../support/packed.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { storedXz } from "../../support/stored_xz.ts";
import { compressionOfSuffix } from "../../../lib/artifact/compression/compression.ts";
import { createDecompressor } from "../../../lib/artifact/compression/create_decompressor.ts";
import { joined } from "../../../lib/testing/tar_writer.ts";
import { build, read, rejectsWith } from "./artifact_parts.ts";

const NAMES = { "": "none", ".gz": "gz", ".xz": "xz", ".zst": "zst" } as const;
const COMPRESSED = READABLE_SUFFIXES.filter((suffix) => suffix !== "") as (keyof typeof NAMES)[];
const random = seededRandom(7);
const CONTENT = Uint8Array.from({ length: 150_000 }, (_, i) => i < 90_000 ? random() * 256 : i % 7);

/** 1 MiB of zeros, made by `head -c 1048576 /dev/zero | xz -9`: a dictionary of 64 MiB. */
const REAL_XZ = Buffer.from(
  [
    "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM7///ANldAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFL",
    "sX7JiopNL6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v",
    "+0uIEGxCy4g/XACP0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWl",
    "sO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1Iq9+SVJQAAAAAAwva6PqJwa2AAAfUB",
    "gIBAAHmXf0exxGf7AgAAAAAEWVo=",
  ].join(""),
  "base64",
);

async function unpacked(
  suffix: keyof typeof NAMES,
  bytes: Uint8Array,
  chunkBytes = bytes.length,
): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const sink = (piece: Uint8Array) => void pieces.push(new Uint8Array(piece));
  const decompressor = createDecompressor(NAMES[suffix], "data/0000.tar", sink);
  try {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      const chunk = new Uint8Array(bytes.subarray(at, at + chunkBytes));
      await decompressor.write(chunk);
      chunk.fill(0xff);
    }
    await decompressor.end();
  } finally {
    decompressor.destroy();
  }
  return joined(pieces);
}

for (const suffix of COMPRESSED) {
  const whole = packed(CONTENT, suffix);

  test(`createDecompressor() reads ${suffix}, wherever chunks end`, async () => {
    for (const chunkBytes of [whole.length, 65_536, 4097, 61]) {
      assert.deepEqual(await unpacked(suffix, whole, chunkBytes), CONTENT, `by ${chunkBytes}`);
    }
    assert.equal((await unpacked(suffix, packed(new Uint8Array(0), suffix), 1)).length, 0);
  });

  test(`createDecompressor() keeps nothing of what came out of ${suffix}`, async () => {
    const views: Uint8Array[] = [];
    const decompressor = createDecompressor(
      NAMES[suffix],
      "data/0000.tar",
      (view) => void views.push(view),
    );
    const bytes = packed(joined([CONTENT, CONTENT, CONTENT, CONTENT]), suffix);
    await decompressor.write(bytes);
    await decompressor.end();
    decompressor.destroy();
    // Without this call memory goes back when the collector finds the time.
    const canRelease = "transfer" in ArrayBuffer.prototype;
    const keptBytes = views.reduce((sum, view) => sum + view.length, 0);
    assert.ok(keptBytes <= (canRelease ? 128 * 1024 : 4 * CONTENT.length), `${keptBytes} bytes`);
  });

  test(`createDecompressor() refuses ${suffix} that ends early, at every byte`, async () => {
    const short = packed(CONTENT.subarray(89_900, 90_100), suffix);
    assert.equal((await unpacked(suffix, short, 1)).length, 200);
    for (let at = 0; at < short.length; at++) {
      await rejectsWith("artifact.truncated", unpacked(suffix, short.subarray(0, at)));
    }
  });

  test(`createDecompressor() refuses ${suffix} with something behind it`, async () => {
    for (const tail of ["x", "xxx", "x".repeat(70_000), "\0x"]) {
      const bytes = Buffer.concat([whole, Buffer.from(tail)]);
      for (const chunkBytes of [bytes.length, whole.length, 1000]) {
        await assert.rejects(
          unpacked(suffix, bytes, chunkBytes),
          (error: { code?: string }) =>
            /^artifact\.(trailing-data|truncated|bad-compression)$/.test(error.code ?? ""),
          `${JSON.stringify(tail.slice(0, 5))} by ${chunkBytes}`,
        );
      }
    }
  });

  test(`createDecompressor() refuses what is no ${suffix}`, async () => {
    await rejectsWith("artifact.bad-compression", unpacked(suffix, CONTENT));
    await rejectsWith("artifact.bad-compression", unpacked(suffix, new Uint8Array(100), 7));
  });

  test(`createDecompressor() stops ${suffix} where the sink throws, and stays stopped`, async () => {
    let calls = 0;
    const decompressor = createDecompressor(NAMES[suffix], "data/0000.tar", () => {
      calls++;
      throw new RangeError("enough");
    });
    const work = async () => {
      await decompressor.write(whole);
      await decompressor.end();
    };
    await assert.rejects(work(), /enough/);
    await assert.rejects(async () => await decompressor.write(whole), /enough/);
    await assert.rejects(async () => await decompressor.end(), /enough/);
    assert.equal(calls, 1);
    assert.deepEqual(await unpacked(suffix, whole), CONTENT, "the next one is not held up");
  });

  test(`createDecompressor() gives up ${suffix} in the middle`, async () => {
    for (const isUnderWay of [false, true]) {
      const decompressor = createDecompressor(NAMES[suffix], "data/0000.tar", () => {});
      await decompressor.write(whole.subarray(0, 70_000));
      const pending = isUnderWay
        ? Promise.resolve(decompressor.write(whole.subarray(70_000)))
        : undefined;
      decompressor.destroy();
      if (pending !== undefined) {
        await assert.rejects(pending, { code: "artifact.abandoned" });
      }
      await assert.rejects(async () => await decompressor.end(), { code: "artifact.abandoned" });
    }
    assert.deepEqual(await unpacked(suffix, whole), CONTENT);
  });

  test(`ArtifactReader reads Artifacts with ${suffix}, by the byte`, async () => {
    const description = await read(build({ suffix }), {}, 1);
    assert.equal(description.compression, NAMES[suffix]);
    assert.equal(description.files.length, 2);
  });
}

test("createDecompressor() reads several xz at the same time, one after the other", async () => {
  const whole = packed(CONTENT, ".xz");
  const all = await Promise.all([1, 2, 3].map(() => unpacked(".xz", whole, 5000)));
  for (const content of all) assert.deepEqual(content, CONTENT);
});

test("createDecompressor() gives up an xz that waits for another one", async () => {
  const whole = packed(CONTENT, ".xz");
  const make = () => createDecompressor("xz", "data/0000.tar", () => {});
  const [first, second, third] = [make(), make(), make()];
  await first.write(whole.subarray(0, 50_000));
  const waiting = Promise.resolve(second.write(whole));
  second.destroy();
  third.destroy(); // never began
  await assert.rejects(waiting, { code: "artifact.abandoned" });
  await first.write(whole.subarray(50_000));
  await first.end();
  assert.deepEqual(await unpacked(".xz", whole), CONTENT);
});

test("createDecompressor() reads xz as the xz program compresses it", async () => {
  assert.deepEqual(await unpacked(".xz", REAL_XZ, 100), new Uint8Array(1 << 20));
});

test("createDecompressor() reads zstd of several frames", async () => {
  const part = packed(CONTENT, ".zst");
  const thrice = Buffer.concat([part, packed(new Uint8Array(0), ".zst"), part]);
  for (const chunkBytes of [thrice.length, part.length, 999]) {
    assert.equal((await unpacked(".zst", thrice, chunkBytes)).length, 2 * CONTENT.length);
  }
}, READABLE_SUFFIXES.includes(".zst") ? {} : { skip: "this runtime has no zstd" });

test("createDecompressor() reads xz of several streams, with padding", async () => {
  const part = packed(CONTENT, ".xz");
  const twice = Buffer.concat([part, part, new Uint8Array(8)]);
  for (const chunkBytes of [twice.length, part.length, 999]) {
    assert.equal((await unpacked(".xz", twice, chunkBytes)).length, 2 * CONTENT.length);
  }
});

test("createDecompressor() refuses xz that asks for more than 64 MiB of memory", async () => {
  assert.equal((await unpacked(".xz", storedXz(CONTENT, { dictionaryMiB: 64 }))).length, 150_000);
  for (const dictionaryMiB of [128, 1024, 2048]) {
    await rejectsWith("artifact.too-large", unpacked(".xz", storedXz(CONTENT, { dictionaryMiB })));
  }
});

test("createDecompressor() says which xz it does not read", async () => {
  const x86Filter = storedXz(CONTENT, { filter: 4 });
  await rejectsWith("artifact.unsupported-compression", unpacked(".xz", x86Filter));
});

test("compressionOfSuffix() names what the runtime lacks for zstd", () => {
  const find = () => compressionOfSuffix(".zst", "header.tar.zst");
  if (READABLE_SUFFIXES.includes(".zst")) return assert.equal(find(), "zst");
  assert.throws(find, (error: Error & { code?: string; hint?: string }) => {
    assert.equal(error.code, "artifact.unsupported-compression");
    assert.match(error.message, /zstd, which this runtime cannot read/);
    assert.match(error.hint ?? "", /Node 22\.15/);
    return true;
  });
});

test("compressionOfSuffix() knows no other suffix", () => {
  for (const suffix of [".bz2", ".tar", ".GZ", "gz", "constructor"]) {
    assert.equal(compressionOfSuffix(suffix, "header.tar"), undefined);
  }
});
