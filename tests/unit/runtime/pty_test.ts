import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { seededContent } from "../../../lib/testing/mod.ts";
import { isAlive } from "../../support/processes.ts";
import { ptyDrivers, runInPty } from "../../support/pty_drivers.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const SIZE = 8 << 20;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function bigFile(path: string): string {
  const bytes = new Uint8Array(SIZE);
  let at = 0;
  for (const chunk of seededContent(SIZE, 5)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  writeFileSync(path, bytes);
  return sha256(bytes);
}

/** Terminals that this process holds. */
function openTerminals(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes("ptmx");
    } catch {
      return false; // closed between the two looks
    }
  }).length;
}

test("there is a native terminal, and one by script", () => {
  assert.deepEqual(ptyDrivers.map(({ kind }) => kind), ["native", "script"]);
});

for (const driver of ptyDrivers) {
  const name = `PtyDriver (${driver.kind})`;
  // The addon waits for its children on a thread that the runtime counts.
  const leaks = driver.kind === "native" ? { leaks: "a thread of the addon" } : {};

  test(
    `${name} gives a program a terminal of the size and environment that were asked for`,
    async () => {
      const { pty, output } = await runInPty(
        driver,
        'test -t 0 && test -t 2 && tty; stty size; pwd; /usr/bin/env | sort; echo "$$"',
        { columns: 132, rows: 43, directory: "/usr", env: { TERM: "dumb", GREETING: "it's me" } },
      );
      await pty.ended;
      const lines = output().trim().split("\r\n");
      assert.match(lines[0] ?? "", /^\/dev\/pts\/\d+$/);
      assert.deepEqual(lines.slice(1, 3), ["43 132", "/usr"]);
      assert.deepEqual(lines.slice(3, -1).filter((line) => !/^(PWD|_|SHLVL|OLDPWD)=/.test(line)), [
        "GREETING=it's me",
        "TERM=dumb",
      ]);
      assert.equal(lines.at(-1), `${pty.pid}`);
    },
    leaks,
  );

  test(`${name} makes the program the leader of a session that has the terminal`, async () => {
    const { pty, output } = await runInPty(driver, "cat /proc/self/stat; sleep 60");
    const fields = await waitUntil("the line", () => /\) (.+)\r\n/.exec(output())?.[1]?.split(" "));
    assert.equal(fields[3], `${pty.pid}`); // session
    assert.notEqual(fields[4], "0"); // controlling terminal
    pty.hangUp();
    await pty.ended;
  }, leaks);

  test(`${name} passes keys on, and Ctrl-C as an interrupt`, async () => {
    const { pty, output } = await runInPty(
      driver,
      "trap 'echo caught' INT; echo go; read a; read b",
    );
    await waitUntil("the start", () => output().includes("go"));
    pty.write(Uint8Array.of(3));
    await waitUntil("the interrupt", () => output().includes("caught"));
    pty.hangUp();
    await pty.ended;
  }, leaks);

  test(`${name} tells a new size`, async () => {
    const { pty, output } = await runInPty(
      driver,
      "trap 'stty size' WINCH; echo go; while :; do sleep 0.05; done",
    );
    await waitUntil("the start", () => output().includes("go"));
    for (const columns of [90, 91, 100]) pty.resize(columns, 50);
    await waitUntil("the size", () => output().includes("50 100"));
    pty.hangUp();
    await pty.ended;
  }, leaks);

  test(
    `${name} loses no byte of output, however slowly it is read, also of a program that has ended`,
    () =>
      inTemporaryDirectory(async (dir) => {
        const file = join(dir, "big");
        const wanted = bigFile(file);
        const hash = createHash("sha256");
        let [size, pauses] = [0, 0];
        const { pty } = await runInPty(driver, `stty raw -echo; exec cat ${file}`, {
          onOutput(bytes) {
            hash.update(bytes);
            size += bytes.length;
            if (size < pauses * (SIZE / 4)) return;
            pauses++;
            pty?.pause();
            void delay(pauses === 4 ? 600 : 50).then(() => pty.resume());
          },
        });
        await pty.ended;
        assert.equal(size, SIZE);
        assert.equal(hash.digest("hex"), wanted);
      }),
    leaks,
  );

  test(`${name} holds a program up while nobody reads`, async () => {
    let size = 0;
    const { pty } = await runInPty(driver, "stty raw -echo; exec cat /dev/zero", {
      onOutput: (bytes) => void (size += bytes.length),
    });
    await waitUntil("output", () => size > 0);
    pty.pause();
    await delay(100);
    const before = size;
    await delay(300);
    assert.equal(size, before);
    pty.resume();
    await waitUntil("more output", () => size > before);
    pty.hangUp();
    await pty.ended;
  }, leaks);

  test(
    `${name} loses no byte of input, however slowly it is taken`,
    () =>
      inTemporaryDirectory(async (dir) => {
        const [file, copy] = [join(dir, "big"), join(dir, "copy")];
        const wanted = bigFile(file);
        const { pty, output } = await runInPty(
          driver,
          `stty raw -echo; echo go; sleep 0.3; head -c ${SIZE} >${copy}; echo done; cat >/dev/null`,
        );
        await waitUntil("the start", () => output().includes("go"));
        const bytes = readFileSync(file);
        let most = 0;
        for (let at = 0; at < bytes.length; at += 1024) {
          pty.write(bytes.subarray(at, at + 1024));
          most = Math.max(most, pty.queuedBytes);
          await pty.drained(256 * 1024);
        }
        await waitUntil("the end", () => output().includes("done"), 60_000);
        assert.equal(sha256(readFileSync(copy)), wanted);
        assert.ok(most < 512 * 1024, `${most} bytes waited`);
        pty.hangUp();
        await pty.ended;
      }),
    leaks,
  );

  test(`${name} shows no program the terminal of another`, async () => {
    const first = await runInPty(driver, "echo first; cat");
    await waitUntil("the first", () => first.output().includes("first"));
    const second = await runInPty(driver, "ls -l /proc/self/fd; echo done");
    await waitUntil("the second", () => second.output().includes("done"));
    assert.doesNotMatch(second.output(), /ptmx/);
    first.pty.hangUp();
    second.pty.hangUp();
    await Promise.all([first.pty.ended, second.pty.ended]);
  }, leaks);

  test(`${name} hangs up: the program ends, the terminal is closed, nothing is held`, async () => {
    const before = openTerminals();
    for (let round = 0; round < 20; round++) {
      const { pty, output } = await runInPty(driver, "echo go; exec sleep 600");
      await waitUntil("the start", () => output().includes("go"));
      pty.write(new Uint8Array(100_000));
      pty.hangUp();
      await pty.ended;
      await waitUntil("the end of the program", () => !isAlive(pty.pid));
      pty.write(Uint8Array.of(1));
      pty.resize(10, 10);
      await pty.drained(0);
    }
    assert.equal(openTerminals(), before);
  }, leaks);
}
