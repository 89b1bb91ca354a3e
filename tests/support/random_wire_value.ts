import {
  WireExtension,
  WireFloat,
  WireInteger,
  type WireValue,
} from "../../lib/connect/protocol/internal.ts";

const FORMS = [
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "int8",
  "int16",
  "int32",
  "int64",
] as const;

const CHARACTERS = ["a", "é", "€", "😀", "\u0000"];

/** A value of any kind that a message can hold, chosen by `random`. */
export function randomWireValue(random: () => number, depth = 0): WireValue {
  const upTo = (count: number): number => Math.floor(random() * count);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => upTo(256));
  const length = (): number => [0, 1, 15, 16, 31, 32, 200, 255, 256, 300][upTo(10)]!;
  switch (upTo(depth > 3 ? 8 : 10)) {
    case 0:
      return [null, true, false][upTo(3)]!;
    case 1:
      return Math.floor((random() - 0.5) * 2 ** upTo(54)) + 0; // never -0
    case 2:
      return Array.from({ length: length() }, () => CHARACTERS[upTo(5)]).join("");
    case 3:
      return bytes(length());
    case 4: {
      const form = FORMS[upTo(8)]!;
      const bits = Number(form.replace(/\D+/, ""));
      const raw = BigInt(Math.floor(random() * 2 ** 53)) << BigInt(upTo(bits));
      const value = form.startsWith("u") ? BigInt.asUintN(bits, raw) : BigInt.asIntN(bits, raw);
      return new WireInteger(value, form);
    }
    case 5:
      return new WireFloat(random() < 0.5 ? 0.5 : random() * 1e300, 8);
    case 6:
      return new WireFloat(Math.fround(random()), 4);
    case 7:
      return new WireExtension(upTo(256) - 128, bytes([1, 2, 4, 8, 12, 16, 300][upTo(7)]!));
    case 8:
      return Array.from({ length: upTo(20) }, () => randomWireValue(random, depth + 1));
    default:
      return new Map(
        Array.from(
          { length: upTo(20) },
          (_, at) => [`key ${at}`, randomWireValue(random, depth + 1)] as const,
        ),
      );
  }
}
