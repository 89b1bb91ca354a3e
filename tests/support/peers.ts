import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { strict as assert } from "node:assert";
import process from "node:process";
import { test } from "./test.ts";

/** What a test that needs a real peer passes to `test()`. */
export interface Peer {
  /** Reason to leave the test out; absent when the program is there. */
  skip?: string;
}

/**
 * Looks for a program of the real world that tests run against.
 *
 * When `MENDER_DENO_REQUIRE_PEERS=1` is set, a program that is not there is a failure: a test that
 * says so is registered, so that the run cannot pass without it.
 *
 * @param hint How to get it, for whoever reads the result.
 */
export function peer(program: string, hint: string): Peer {
  if (isOnPath(program)) return {};
  const reason = `${program} is not on the PATH (${hint})`;
  if (process.env.MENDER_DENO_REQUIRE_PEERS === "1") {
    test(`peer ${program} is installed`, () => assert.fail(reason));
  }
  return { skip: reason };
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false; // the usual case: most folders do not hold it
    }
  });
}
