import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs a test body with a new directory, which is removed afterwards. */
export async function inTemporaryDirectory<T>(body: (path: string) => T | Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), "mender-deno-test-"));
  try {
    return await body(path);
  } finally {
    rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}
