/** What a test run came to. */
export interface TestTotals {
  passed: number;
  failed: number;
  /** Titles of the tests that were left out; the reason is part of the title. */
  skipped: string[];
}

/** Reads the totals out of a JUnit report, as both runners write it. */
export function totalsOf(report: string): TestTotals {
  const totals: TestTotals = { passed: 0, failed: 0, skipped: [] };
  const cases = report.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g);
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
