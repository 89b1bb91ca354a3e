import process from "node:process";
import type { TestTotals } from "./junit.ts";

/** Prints what was left out and why, then the sum as the last line; sets the exit code. */
export function printSum(sum: TestTotals): void {
  for (const title of sum.skipped) console.log(`skipped: ${title}`);
  console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped.length} skipped`);
  process.exitCode = sum.failed === 0 ? 0 : 1;
}
