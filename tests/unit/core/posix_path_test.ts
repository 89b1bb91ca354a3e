import assert from "node:assert/strict";
import { posix } from "node:path";
import * as paths from "../../../lib/core/posix_path.ts";
import { seededRandom } from "../../support/seeded_random.ts";
import { test } from "../../support/test.ts";

const SEED = 20_261_130;
const PARTS = ["", "a", "b.c", ".", "..", "...", "é", " ", "/", "//", "./", "../", ".hidden"];

test("paths are taken apart and put together as by node:path", () => {
  const random = seededRandom(SEED);
  const any = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const path = (): string =>
    Array.from({ length: Math.floor(random() * 6) }, () => any(PARTS)).join(any(["/", ""]));
  for (let turn = 0; turn < 20_000; turn++) {
    const [one, two, three] = [path(), path(), path()];
    const said = JSON.stringify([one, two, three]);
    assert.equal(paths.normalize(one), posix.normalize(one), said);
    assert.equal(paths.dirname(one), posix.dirname(one).replace(/(?<=.)\/+$/, ""), said);
    assert.equal(paths.basename(one), posix.basename(one), said);
    assert.equal(paths.isAbsolute(one), posix.isAbsolute(one), said);
    assert.equal(paths.join(one, two, three), posix.join(one, two, three), said);
    assert.equal(paths.join(one), posix.join(one), said);
    assert.equal(paths.absolute(one, () => "/here/x"), posix.resolve("/here/x", one), said);
  }
});

test("absolute() does not ask where it is for a path that says so", () => {
  const fail = (): never => assert.fail("asked");
  assert.equal(paths.absolute("/a//b/../c/", fail), "/a/c");
});
