import { spread } from "../gate/spread.ts";

/** Prints a figure as its median, with its spread behind it. */
export function printFigure(name: string, values: readonly number[], unit: string): void {
  const { min, median, max } = spread(values);
  const digits = unit === "s" ? 2 : 0;
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
