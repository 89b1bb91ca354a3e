import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bodyText, integerProperty, shellFrame } from "../../lib/connect/protocol/internal.ts";
import type { PtyDriver } from "../../lib/runtime/pty/pty_driver.ts";
import { nativePty } from "../../lib/runtime/pty/native_pty.ts";
import { seededContent } from "../../lib/testing/mod.ts";
import { isAlive, membersOf } from "../support/processes.ts";
import { ptyDrivers } from "../support/pty_drivers.ts";
import { EVERYTHING, TestTerminal, withRemoteAccess } from "../support/remote_access_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const LEAKS = { leaks: "a thread of the terminal addon" };

const pidOf = async (terminal: TestTerminal): Promise<number> => {
  terminal.type("echo pid=$$.\n");
  return Number((await terminal.seen(/pid=(\d+)\./))[1]);
};

for (const driver of ptyDrivers) {
  const drivers = { drivers: <T>(host: T): T => ({ ...host, pty: () => Promise.resolve(driver) }) };

  test(
    `terminal (${driver.kind}) runs the shell in a terminal of the asked size, resizes, and stops it`,
    () =>
      withRemoteAccess(drivers, async ({ open, server }) => {
        const terminal = new TestTerminal(open(), { terminal_width: 101, terminal_height: 33 });
        const answer = await terminal.answer("new");
        assert.deepEqual([bodyText(answer), integerProperty(answer, "status")], [
          "Shell started",
          1,
        ]);
        terminal.type("stty size; pwd; echo $TERM\n");
        await terminal.seen(/33 101\r\n\/root\r\nxterm-256color\r\n/);
        terminal.session.send({
          protocol: 1,
          type: "resize",
          properties: { terminal_width: 77, terminal_height: 22 },
        });
        terminal.type("sleep 0.2; stty size\n");
        await terminal.seen(/22 77\r\n/);
        const pid = await pidOf(terminal);
        terminal.session.send({ protocol: 1, type: "stop" });
        assert.equal(integerProperty(await terminal.answer("stop"), "status"), 1);
        assert.deepEqual(membersOf(pid), []);
        await terminal.close();
        assert.deepEqual(server.violations(), []);
      }),
    LEAKS,
  );

  test(
    `terminal (${driver.kind}) ends background jobs and stubborn programs with the shell`,
    () =>
      withRemoteAccess(drivers, async ({ open }) => {
        const terminal = new TestTerminal(open());
        const pid = await pidOf(terminal);
        terminal.type("sleep 600 & nohup sleep 601 >/dev/null 2>&1 &\n");
        terminal.type(
          "(trap '' HUP TERM INT; while :; do sleep 602; done) & sleep 603 & kill -STOP $!\n",
        );
        terminal.type("echo all=done.\n");
        await terminal.seen(/all=done\./);
        await waitUntil("the jobs", () => membersOf(pid).length >= 6);
        terminal.session.send({ protocol: 1, type: "stop" });
        await terminal.answer("stop");
        assert.deepEqual(membersOf(pid), []);
        await terminal.close();
      }),
    LEAKS,
  );

  test(
    `terminal (${driver.kind}) tells when the shell has ended, and frees its place`,
    () =>
      withRemoteAccess({
        ...drivers,
        config: { ...EVERYTHING, Sessions: { MaxPerUser: 1 } },
      }, async ({ open }) => {
        for (let round = 0; round < 3; round++) {
          const terminal = new TestTerminal(open());
          const pid = await pidOf(terminal);
          // A job that never falls silent keeps script from noticing the end.
          const job = round === 0 && driver.kind === "native" ? "yes" : "sleep 600";
          terminal.type(`${job} &\nexit\n`);
          assert.equal(bodyText(await terminal.answer("stop")), "the shell has ended");
          await waitUntil("the end of the job", () => membersOf(pid).length === 0);
          await terminal.close();
        }
      }),
    LEAKS,
  );

  test(
    `terminal (${driver.kind}): of fifty shells each is heard`,
    () =>
      withRemoteAccess(drivers, async ({ open }) => {
        for (let round = 0; round < 5; round++) {
          const terminals = Array.from({ length: 10 }, () => new TestTerminal(open()));
          await Promise.all(terminals.map(async (terminal, at) => {
            terminal.type(`echo shell-$((${at} + 1000))\n`);
            await terminal.seen(new RegExp(`shell-${1000 + at}\r\n`));
            terminal.session.send({ protocol: 1, type: "stop" });
            await terminal.answer("stop");
            await terminal.close();
          }));
        }
      }),
    LEAKS,
  );

  test(
    `terminal (${driver.kind}) loses no byte, in either direction`,
    () =>
      withRemoteAccess(drivers, async ({ open, dir }) => {
        const size = 4 << 20;
        const [big, copy] = [join(dir, "big"), join(dir, "copy")];
        const content = new Uint8Array(size);
        let at = 0;
        for (const chunk of seededContent(size, 9)) {
          content.set(chunk, at);
          at += chunk.length;
        }
        writeFileSync(big, content);
        const wanted = createHash("sha256").update(content).digest("hex");
        const sum = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

        const output = new TestTerminal(open());
        output.type(`stty raw -echo; printf BEGIN:; cat ${big}; exit\n`);
        await output.answer("stop", 60_000);
        const marker = new TextEncoder().encode("BEGIN:");
        const { bytes } = output;
        // The echo of the line has the marker too.
        assert.equal(sum(bytes.subarray(bytes.length - size)), wanted);
        assert.deepEqual(bytes.subarray(bytes.length - size - 6, bytes.length - size), marker);
        await output.close();

        const input = new TestTerminal(open());
        input.type(`stty raw -echo; echo go-$((1+1)); sleep 0.3; head -c ${size} >${copy}; exit\n`);
        await input.seen(/go-2/);
        for (let from = 0; from < size; from += 1024) {
          input.session.send({
            protocol: 1,
            type: "shell",
            body: content.subarray(from, from + 1024),
          });
          await input.session.drained();
        }
        await input.answer("stop", 60_000);
        assert.equal(sum(readFileSync(copy)), wanted);
        await input.close();
      }),
    LEAKS,
  );
}

test(
  "terminal keeps to its limits per user and in all, and says so",
  () =>
    withRemoteAccess(
      { config: { ...EVERYTHING, Sessions: { MaxPerUser: 2 } } },
      async ({ open }) => {
        const terminals = [1, 2].map(() => new TestTerminal(open()));
        await Promise.all(terminals.map((terminal) => terminal.answer("new")));
        const third = new TestTerminal(open());
        const answer = await third.answer("new");
        assert.equal(bodyText(answer), "user has too many open sessions");
        assert.equal(integerProperty(answer, "status"), 2);
        terminals[0]!.session.send({ protocol: 1, type: "new" });
        const again = await waitUntil(
          "the refusal",
          () => terminals[0]!.others.filter(({ type }) => type === "new")[1],
        );
        assert.equal(bodyText(again), "failed to start shell: shell is already running");
        await terminals[0]!.answer("new");
        terminals[0]!.session.send({ protocol: 1, type: "stop" });
        await terminals[0]!.answer("stop");
        const fourth = new TestTerminal(open());
        assert.equal(integerProperty(await fourth.answer("new"), "status"), 1);
        for (const terminal of [...terminals, third, fourth]) await terminal.close();
      },
    ),
  LEAKS,
);

test(
  "terminal: no more than sixteen shells run at a time",
  () =>
    withRemoteAccess(
      { config: { ...EVERYTHING, Sessions: { MaxPerUser: 99 } } },
      async ({ open }) => {
        const terminals = Array.from({ length: 17 }, () => new TestTerminal(open()));
        const answers = await Promise.all(terminals.map((terminal) => terminal.answer("new")));
        const refused = answers.filter((answer) => integerProperty(answer, "status") === 2);
        assert.deepEqual(refused.map(bodyText), ["too many shells spawned"]);
        // All shells of the user at once.
        terminals[0]!.session.send({ protocol: 1, type: "stop" });
        for (const terminal of terminals) await terminal.close();
      },
    ),
  LEAKS,
);

for (
  const [name, config, why] of [
    ["a shell that is not there", { ShellCommand: "/no/shell" }, /there is no such file/],
    ["a shell that is not listed", { ShellCommand: "/usr/bin/env" }, /not in \/etc\/shells/],
    ["a shell that is not absolute", { ShellCommand: "sh" }, /absolute/],
    ["a user who is not there", { User: "nobody-of-that-name" }, /there is no user/],
  ] as const
) {
  test(`terminal refuses ${name}, in words, and lives on`, () =>
    withRemoteAccess({ config: { ...EVERYTHING, ...config } }, async ({ open, server, logger }) => {
      for (let round = 0; round < 2; round++) {
        const terminal = new TestTerminal(open());
        const answer = await terminal.answer("new");
        assert.equal(integerProperty(answer, "status"), 2);
        assert.match(bodyText(answer), why);
        await terminal.close();
      }
      assert.match(logger.lines().join("\n"), why);
      assert.deepEqual(server.violations(), []);
    }));
}

test(
  "terminal runs as the configured user, with that user's groups and none of ours",
  () =>
    withRemoteAccess({ config: { ...EVERYTHING, User: "daemon" } }, async ({ open }) => {
      const terminal = new TestTerminal(open());
      terminal.type("echo $(id -un) $(id -G) $USER $HOME.\n");
      await terminal.seen(/daemon 1 daemon \/\S*\.\r\n/);
      await terminal.close();
    }),
  {
    skip: (await import("node:process")).default.getuid?.() === 0 ? undefined : "only root can",
    ...LEAKS,
  },
);

for (
  const [name, type, session, text] of [
    ["input of an unknown session", "shell", "strange", "session not found"],
    [
      "a stop of an unknown session",
      "stop",
      "strange",
      "routeMessage: StopShellMessage: session not found for id strange",
    ],
    ["an unknown type", "dance", "strange", "unknown message protocol and type: 1/dance"],
  ] as const
) {
  test(
    `terminal answers ${name} with the protocol's error`,
    () =>
      withRemoteAccess({}, async ({ server, deviceId, open, logger }) => {
        const seen = new TestTerminal(open());
        await seen.answer("new");
        const { encodeFrame } = await import("../../lib/connect/protocol/internal.ts");
        server.sendToDevice(deviceId, encodeFrame({ ...shellFrame(type, session), body: "x" }));
        await waitUntil("the log", () => logger.lines().some((line) => line.includes(text)));
        await seen.close();
      }),
    LEAKS,
  );
}

for (const driver of ptyDrivers) {
  test(
    `terminal (${driver.kind}): a shell that is stopped before it has a process ends at once`,
    async () => {
      let pid = 0;
      let start = (): void => {};
      const mayStart = new Promise<void>((resolve) => start = resolve);
      const late: PtyDriver = {
        kind: driver.kind,
        async start(options) {
          await mayStart;
          const pty = await driver.start(options);
          pid = pty.pid;
          return pty;
        },
      };
      const drivers = <T>(host: T): T => ({ ...host, pty: () => Promise.resolve(late) });
      await withRemoteAccess({ drivers }, async ({ open, stop }) => {
        const terminal = new TestTerminal(open());
        terminal.session.send({ protocol: 1, type: "stop" });
        await terminal.answer("stop");
        start();
        await waitUntil("the shell", () => pid > 0);
        await waitUntil("its end", () => membersOf(pid).length === 0);
        await stop();
        await terminal.close();
        assert.deepEqual(terminal.others.map(({ type }) => type), ["stop"]);
      });
    },
    LEAKS,
  );
}

test("terminal: everything ends with the program", async () => {
  let pid = 0;
  await withRemoteAccess({}, async ({ open, stop }) => {
    const terminal = new TestTerminal(open());
    pid = await pidOf(terminal);
    terminal.type("sleep 600 &\n");
    await waitUntil("the job", () => membersOf(pid).length === 2);
    await stop();
    assert.deepEqual(membersOf(pid), []);
    await terminal.close();
  });
  assert.equal(isAlive(pid), false);
}, LEAKS);

test("the native terminal can be had here", async () => {
  assert.equal((await nativePty())?.kind, "native");
});
