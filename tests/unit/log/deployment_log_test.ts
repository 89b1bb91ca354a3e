import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DeploymentLog } from "../../../lib/log/deployment_log.ts";
import { logTo } from "../../../lib/log/record.ts";
import { Redactor } from "../../../lib/log/redactor.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();
const id = (n: number): string => `0000000${n}-aaaa-4000-8000-000000000000`;
const name = (at: number, n: number): string => `deployments.000${at}.${id(n)}.log`;

test("DeploymentLog keeps five logs, the newest as number 1", async () => {
  await inTemporaryDirectory((directory) => {
    writeFileSync(join(directory, "deployments.0001.other.txt"), "not a log");
    for (let n = 1; n <= 7; n++) DeploymentLog.open(files, directory, id(n)).append(`log ${n}\n`);
    assert.deepEqual(
      readdirSync(directory).sort(),
      [...[1, 2, 3, 4, 5].map((at) => name(at, 8 - at)), "deployments.0001.other.txt"].sort(),
    );
    for (let at = 1; at <= 5; at++) {
      assert.equal(readFileSync(join(directory, name(at, 8 - at)), "utf8"), `log ${8 - at}\n`);
    }
  });
});

test("DeploymentLog goes on with the log of the same deployment", async () => {
  await inTemporaryDirectory((directory) => {
    DeploymentLog.open(files, directory, id(1)).append("one\n");
    DeploymentLog.open(files, directory, id(2)).append("other\n");
    DeploymentLog.open(files, directory, id(1)).append("two\n");
    assert.equal(DeploymentLog.find(files, directory, id(1))?.read(), "one\ntwo\n");
    assert.equal(DeploymentLog.find(files, directory, id(3)), undefined);
    assert.deepEqual(readdirSync(directory).sort(), [name(1, 2), name(2, 1)]);
  });
});

test("DeploymentLog without a line reads as empty", async () => {
  await inTemporaryDirectory((directory) => {
    assert.equal(DeploymentLog.open(files, directory, id(1)).read(), "");
  });
});

test("DeploymentLog stays below 512 KiB and keeps its tail in whole lines", async () => {
  await inTemporaryDirectory((directory) => {
    const log = DeploymentLog.open(files, directory, id(1));
    const line = (n: number): string => `${n} ${"ä".repeat(500)}\n`;
    for (let n = 0; n < 2000; n++) log.append(line(n));
    const text = log.read();
    const size = new TextEncoder().encode(text).length;
    assert.ok(size <= 512 * 1024 && size > 200 * 1024, String(size));
    const lines = text.trimEnd().split("\n").map((part) => `${part}\n`);
    const first = 2000 - lines.length;
    assert.deepEqual(lines, lines.map((_, at) => line(first + at)));
    assert.deepEqual(readdirSync(directory), [name(1, 1)]);
  });
});

test("DeploymentLog keeps the newest line even when that one is very long", async () => {
  await inTemporaryDirectory((directory) => {
    const log = DeploymentLog.open(files, directory, id(1));
    log.append("old\n".repeat(50_000));
    log.append(`new ${"x".repeat(400_000)}\n`);
    log.append("last\n");
    const lines = log.read().trimEnd().split("\n");
    assert.deepEqual([lines.at(-2)?.slice(0, 5), lines.at(-1)], ["new x", "last"]);
  });
});

test("DeploymentLog does not write through a link", async () => {
  await inTemporaryDirectory((directory) => {
    symlinkSync("elsewhere", join(directory, name(1, 1)));
    const log = DeploymentLog.open(files, directory, id(1));
    assert.throws(() => log.append("x\n"));
    assert.deepEqual(readdirSync(directory), [name(1, 1)]);
  });
});

test("DeploymentLog as a sink writes one JSON object a line", async () => {
  await inTemporaryDirectory((directory) => {
    const log = DeploymentLog.open(files, directory, id(1));
    const logger = logTo([log.sink], new Redactor(), new FakeClock());
    logger.log("info", "first\nline", { n: 1 });
    logger.log("error", "second", {}, new Error("Bearer abcdefgh"));
    assert.deepEqual(log.read().trimEnd().split("\n").map((line) => JSON.parse(line)), [
      { timestamp: "2030-01-02T03:04:05.000Z", level: "info", message: "first line", n: 1 },
      {
        timestamp: "2030-01-02T03:04:05.000Z",
        level: "error",
        message: "second",
        causes: ["Bearer ***"],
      },
    ]);
  });
});
