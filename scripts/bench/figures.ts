import { spread } from "../gate/spread.ts";

/** Prints a figure as its median, with its spread behind it. */
export function printFigure(name: string, values: readonly number[], unit: string): void {
  const { min, median, max } = spread(values);
  const digits = unit === "s" ? 2 : unit === "ms" && median < 10 ? 2 : 0;
  const [middle, least, most] = [median, min, max].map((value) => value.toFixed(digits));
  console.log(`  ${name}: ${middle} ${unit} (${least} to ${most})`);
}

/** Prints the ratio of two medians, and those of the least and of the greatest figures. */
export function printRatio(name: string, ours: readonly number[], theirs: readonly number[]): void {
  const [a, b] = [spread(ours), spread(theirs)];
  const ratio = (a.median / b.median).toFixed(2);
  const [least, most] = [a.min / b.min, a.max / b.max].map((value) => value.toFixed(2));
  console.log(`  ${name}: ${ratio} of medians (least ${least}, greatest ${most})`);
}

/** What a figure is held against. */
export type Target =
  | { readonly atMost: number; readonly unit?: string }
  | { readonly atLeast: number; readonly unit?: string };

/** Prints a figure beside its target; a missed one is told, and nothing else comes of it. */
export function printTarget(name: string, figure: number, target: Target): void {
  const { unit = "" } = target;
  const behind = unit === "" ? "" : ` ${unit}`;
  const [word, limit, isMet] = "atMost" in target
    ? ["at most", target.atMost, figure <= target.atMost]
    : ["at least", target.atLeast, figure >= target.atLeast];
  const shown = figure.toFixed(unit === "" || figure < 10 ? 2 : 0);
  console.log(
    `  ${name}: ${shown}${behind} (target: ${word} ${limit}${behind}; ${isMet ? "met" : "missed"})`,
  );
}

/** The ratio of two medians. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): number {
  return spread(ours).median / spread(theirs).median;
}
