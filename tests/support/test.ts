/**
 * Hides the test runner: the same test files run under `deno test` and under Node's runner.
 */

/** What a test may say about how it is run. */
export interface TestOptions {
  /** Reason for which the test is left out; it is listed as skipped, with the reason. */
  skip?: string | undefined;
  /**
   * Reason for which something that the test opened may outlive it. Tests behind it in the same file
   * are not checked either: what was left may come to its end during one of them.
   */
  leaks?: string | undefined;
  /** Milliseconds after which the test has failed; 120 s when absent. */
  limitMs?: number | undefined;
}

/** No test takes longer, unless it says so. */
const LIMIT_MS = 120_000;

/** Whether a test of this file may have left something. */
let mayLeak = false;

/**
 * Registers a test. The name is the subject, then the behaviour in plain words.
 *
 * A test fails when it takes too long and, on Deno, when a timer, a file, a socket or an operation of
 * it is left.
 */
export function test(
  name: string,
  body: () => void | Promise<void>,
  options: TestOptions = {},
): void {
  const { skip, leaks, limitMs = LIMIT_MS } = options;
  const title = skip === undefined ? name : `${name} [skipped: ${skip}]`;
  const limited = (): Promise<void> => withinLimit(body, limitMs);
  mayLeak ||= leaks !== undefined;
  if ("Deno" in globalThis) {
    Deno.test({
      name: title,
      ignore: skip !== undefined,
      // Deno looks for none of these unless it is told to.
      sanitizeOps: !mayLeak,
      sanitizeResources: !mayLeak,
      sanitizeExit: true,
      fn: limited,
    });
  } else nodeTest(title, { skip: skip ?? false }, limited);
}

/** Runs a body, but waits for it no longer than this; it is not stopped, for nothing could. */
async function withinLimit(body: () => void | Promise<void>, limitMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${limitMs / 1000} s`)), limitMs);
  });
  try {
    await Promise.race([body(), late]);
  } finally {
    clearTimeout(timer);
  }
}

type NodeTest = (
  name: string,
  options: { skip: string | false },
  body: () => Promise<void>,
) => Promise<void>;

// On Deno the module is not even loaded: node:test would register a second runner there.
const nodeTest: NodeTest = "Deno" in globalThis
  ? () => Promise.resolve()
  : (await import("node:test")).test as unknown as NodeTest;
