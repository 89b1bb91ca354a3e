import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { noteIdentity } from "../../../lib/identity/mod.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

test("noteIdentity() tells a change once, by fingerprints, and never the identity itself", () =>
  inTemporaryDirectory(async (root) => {
    const path = `${root}/identity_fingerprint`;
    const told = async (identity: string): Promise<string[]> => {
      const logger = logRecorder();
      await noteIdentity({ files, path, logger }, identity);
      return logger.lines();
    };
    assert.deepEqual(await told('{"mac":"02:00"}'), []);
    const before = readFileSync(path, "utf8").trim();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(await told('{"mac":"02:00"}'), []);
    const [line, ...more] = await told('{"mac":"02:01"}');
    const now = readFileSync(path, "utf8").trim();
    assert.deepEqual(more, []);
    assert.match(line!, new RegExp(`changed .*fingerprint ${before} before, ${now} now`));
    assert.doesNotMatch(line!, /02:0/);
    assert.deepEqual(await told('{"mac":"02:01"}'), []);
  }));

test("noteIdentity() begins anew where the file is damaged, and only tells where it cannot be written", () =>
  inTemporaryDirectory(async (root) => {
    const logger = logRecorder();
    const path = `${root}/identity_fingerprint`;
    writeFileSync(path, "nonsense\n");
    await noteIdentity({ files, path, logger }, "{}");
    assert.deepEqual(logger.lines(), []);
    assert.match(readFileSync(path, "utf8"), /^[0-9a-f]{16}\n$/);
    mkdirSync(`${root}/directory`);
    await noteIdentity({ files, path: `${root}/directory`, logger }, "{}");
    assert.match(logger.lines().join(), /^warning: Cannot remember the fingerprint/);
  }));
