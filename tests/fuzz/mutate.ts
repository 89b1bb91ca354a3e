/** Bytes that parsers trip over. */
const ODD = [
  ..."0123456789-+=:/.,;*\"'{}[]()\\ \t\r\n%#".split(""),
  "\u0000",
  "\u00ff",
  "\u2028",
  "\ud800",
  "9".repeat(20),
  "1e309",
  "-0",
  "null",
  "true",
  "__proto__",
  "constructor",
  '{"a":',
  "[[[[",
  "../",
  "NaN",
].map((text) => new TextEncoder().encode(text));

/** Longest input; what is longer is cut. */
const MAX_BYTES = 20_000;

/**
 * Makes an input out of a kept one: some bytes flipped, cut out, doubled, set to zero or to something
 * odd, or crossed with another one; sometimes it is pure noise.
 *
 * @param random Source of chance, 0 ≤ r < 1; the same numbers make the same input.
 */
export function mutate(corpus: readonly Uint8Array[], random: () => number): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = <T>(all: readonly T[]): T => all[below(all.length)]!;
  if (random() < 0.02) return Uint8Array.from({ length: below(300) }, () => below(256));
  let bytes = pick(corpus).slice();
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(bytes.length + 1);
    const end = Math.min(bytes.length, at + 1 + below(random() < 0.5 ? 4 : 64));
    switch (below(7)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << below(8);
        break;
      case 1:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(end));
        break;
      case 2:
        bytes = joined(bytes.subarray(0, end), bytes.subarray(at));
        break;
      case 3:
        bytes.fill(random() < 0.5 ? 0 : 0xff, at, end);
        break;
      case 4:
        bytes = joined(bytes.subarray(0, at), pick(ODD), bytes.subarray(at));
        break;
      case 5:
        bytes = joined(bytes.subarray(0, at), pick(ODD), bytes.subarray(end));
        break;
      default: {
        const other = pick(corpus);
        bytes = joined(bytes.subarray(0, at), other.subarray(below(other.length + 1)));
      }
    }
  }
  return bytes.length > MAX_BYTES ? bytes.slice(0, MAX_BYTES) : bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
