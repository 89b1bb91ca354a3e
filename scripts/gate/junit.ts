import { existsSync, readFileSync } from "node:fs";

/** What a test run came to. */
export interface TestTotals {
  passed: number;
  failed: number;
  /** Titles of the tests that were left out; the reason is part of the title. */
  skipped: string[];
}

/**
 * What a run came to by its report. A run that fails outside a test (an uncaught error, a leak), or
 * that was ended before it wrote a report, counts as one failure: it must not look like a success.
 */
export function totalsOfRun(code: number, reportPath: string): TestTotals {
  const report = existsSync(reportPath) ? readFileSync(reportPath, "utf8") : "";
  const totals = totalsOf(report);
  if (totals.failed === 0 && (code !== 0 || report === "")) totals.failed = 1;
  return totals;
}

/** Reads the totals out of a JUnit report, as both runners write it. */
export function totalsOf(report: string): TestTotals {
  const totals: TestTotals = { passed: 0, failed: 0, skipped: [] };
  // Between quotes anything may stand, ">" and "/>" too.
  const cases = report.matchAll(
    /<testcase\b((?:[^>"]|"[^"]*")*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  );
  for (const [, attributes = "", body = ""] of cases) {
    if (/<(failure|error)\b/.test(body)) totals.failed++;
    else if (/<skipped\b/.test(body)) totals.skipped.push(titleOf(attributes));
    else totals.passed++;
  }
  return totals;
}

function titleOf(attributes: string): string {
  const name = /\bname="([^"]*)"/.exec(attributes)?.[1] ?? "a test";
  return name.replace(/&quot;/g, '"').replace(/&lt;/g, "<").replace(/&gt;/g, ">")
    .replace(/&#39;|&apos;/g, "'").replace(/&amp;/g, "&");
}
