/**
 * Hides the test runner: the same test files run under `deno test` and under Node's runner.
 */

/** What a test may say about how it is run. */
export interface TestOptions {
  /** Reason for which the test is left out; it is listed as skipped, with the reason. */
  skip?: string | undefined;
}

/** Registers a test. The name is the subject, then the behaviour in plain words. */
export function test(
  name: string,
  body: () => void | Promise<void>,
  options: TestOptions = {},
): void {
  const title = options.skip === undefined ? name : `${name} [skipped: ${options.skip}]`;
  if ("Deno" in globalThis) {
    Deno.test({ name: title, ignore: options.skip !== undefined, fn: body });
  } else nodeTest(title, { skip: options.skip ?? false }, () => body());
}

type NodeTest = (
  name: string,
  options: { skip: string | false },
  body: () => void | Promise<void>,
) => Promise<void>;

// On Deno the module is not even loaded: node:test would register a second runner there.
const nodeTest: NodeTest = "Deno" in globalThis
  ? () => Promise.resolve()
  : (await import("node:test")).test as unknown as NodeTest;
