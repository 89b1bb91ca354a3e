import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Runs a test body with a new directory, which is removed afterwards. */
export async function inTemporaryDirectory<T>(body: (path: string) => T | Promise<T>): Promise<T> {
  const path = mkdtempSync(join(tmpdir(), "mender-deno-test-"));
  try {
    return await body(path);
  } finally {
    await removeTree(path);
  }
}

/** A program that a test let go of may still write there for a moment (Deno does not retry by itself). */
async function removeTree(path: string): Promise<void> {
  for (let tries = 100;; tries--) {
    try {
      return rmSync(path, { recursive: true, force: true });
    } catch (error) {
      if (tries === 0) throw error;
      await delay(20);
    }
  }
}
