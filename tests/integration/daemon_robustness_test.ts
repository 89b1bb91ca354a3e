import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { type ClientRig, rigArtifact, type RigOptions, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { movableClock, withServer } from "../support/with_server.ts";
import type { MenderServer, ServerOptions } from "../../lib/testing/mod.ts";

/** Runs a daemon against a server while `body` runs; it must live until then, and end well. */
async function withDaemon(
  options: Partial<RigOptions>,
  server: MenderServer,
  body: (rig: ClientRig, output: () => string) => Promise<void>,
  prepare: (rig: ClientRig) => void = () => {},
): Promise<void> {
  await withRig({ serverUrl: server.url, ...options }, async (rig) => {
    prepare(rig);
    const daemon = rig.start("daemon", "-l", "trace");
    await body(rig, daemon.output).catch((error) => {
      throw new Error(`${error.message}\nThe daemon said:\n${daemon.output()}`, { cause: error });
    });
    assert.equal(daemon.child.exitCode, null, daemon.output());
    daemon.kill("SIGTERM");
    const { code, stderr } = await daemon.ended;
    assert.equal(code, 0, stderr);
    assertNoTrace(stderr);
  });
}

function assertNoTrace(output: string): void {
  assert.doesNotMatch(output, /^\s+at .*[:(]\d+/m, output);
  assert.doesNotMatch(output, /Uncaught|unhandled/i);
}

function isAuthorized(server: MenderServer): boolean {
  return server.journal.entries.some(({ path, status }) =>
    path.endsWith("/next") && status === 204
  );
}

async function publish(server: MenderServer, name = "release-2"): Promise<string> {
  await server.uploadArtifact(rigArtifact(name));
  return server.createDeployment({ artifactName: name });
}

test("daemon asks again while it is pending, says so once, and starts when it is accepted", async () => {
  await withServer({}, async (server) => {
    await withDaemon({}, server, async (_, output) => {
      const isAuth = ({ path }: { path: string }): boolean => path.endsWith("/auth_requests");
      await waitUntil("three requests", () => server.journal.entries.filter(isAuth).length >= 3);
      assert.equal(output().match(/INFO Not accepted by the server yet/g)?.length, 1);
      assert.doesNotMatch(output(), /WARNING|ERROR/);
      server.acceptDevice(server.devices()[0]!.id);
      await waitUntil("a poll", () => isAuthorized(server));
    });
  });
});

test("daemon over https trusts ServerCertificate, and only with it", async () => {
  await withServer({ autoAccept: true, tls: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const certificate = `${rig.root}/ca.pem`;
      rig.write(certificate, server.caCertificate!);
      const config = JSON.parse(rig.read(rig.paths.mainConfig));
      rig.write(
        rig.paths.mainConfig,
        JSON.stringify({ ...config, ServerCertificate: certificate }),
      );
      const daemon = rig.start("daemon");
      await waitUntil("a poll", () => isAuthorized(server));
      const id = await publish(server);
      const { code, stderr } = await daemon.ended;
      assert.equal(code, 0, stderr);
      assert.equal(rig.read(rig.paths.lock), id);
      await waitUntil("the sub-updater", () => rig.installed().length);
      assert.equal((await rig.run("report", "--success")).code, 0);
      assert.deepEqual(server.violations(), []);
    });
    const before = server.journal.entries.length;
    await withDaemon({}, server, async (_, output) => {
      await waitUntil("the refusal", () => output().includes("Cannot reach https://"));
      assert.equal(server.journal.entries.length, before);
    });
  });
});

test("daemon accepts any certificate when it is told to, by option or by SkipVerify", async () => {
  await withServer({ autoAccept: true, tls: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const asked = await rig.run("daemon", "--once", "--skipverify");
      assert.equal(asked.code, 0, asked.stderr);
      const config = JSON.parse(rig.read(rig.paths.mainConfig));
      rig.write(rig.paths.mainConfig, JSON.stringify({ ...config, SkipVerify: true }));
      const configured = await rig.run("daemon", "--once");
      assert.equal(configured.code, 0, configured.stderr);
    });
  });
});

test("daemon falls back to v1 when the server has no v2, and remembers it", async () => {
  await withServer({ autoAccept: true, nextVersions: ["v1"] }, async (server) => {
    await withDaemon({}, server, async () => {
      const polls = (version: string): number =>
        server.journal.entries.filter(({ path }) =>
          path.includes(`/${version}/`) && path.endsWith("/next")
        )
          .length;
      await waitUntil("polls", () => polls("v1") >= 3);
      assert.equal(polls("v2"), 1);
      assert.deepEqual(server.violations(), []);
    });
  });
});

for (
  const [name, end] of [
    ["expires (403)", "expire"],
    ["is revoked (401)", "revoke"],
  ] as const
) {
  test(`daemon gets a new token when its own ${name}`, async () => {
    const { drivers, advance } = await movableClock();
    await withServer({ autoAccept: true, drivers }, async (server) => {
      await withDaemon({}, server, async () => {
        await waitUntil("a poll", () => isAuthorized(server));
        const before = server.journal.entries.length;
        if (end === "expire") advance(8 * 24 * 3600 * 1000);
        else server.revokeTokens();
        const since = (): typeof server.journal.entries => server.journal.entries.slice(before);
        await waitUntil(
          "the renewal",
          () => since().some(({ path }) => path.endsWith("/auth_requests")),
        );
        await waitUntil(
          "a poll",
          () => since().some(({ path, status }) => path.endsWith("/next") && status === 204),
        );
        assert.ok(since().some(({ status }) => status === (end === "expire" ? 403 : 401)));
        assert.deepEqual(server.violations(), []);
      });
    });
  });
}

type Answer = Parameters<Parameters<MenderServer["setInterceptor"]>[0] & object>[0];

const answers: [name: string, path: RegExp, answer: (exchange: Answer) => Promise<unknown>][] = [
  [
    "an HTML page with 200 for a token",
    /auth_requests/,
    (e) => e.reply(200, {}, new TextEncoder().encode("<html>Welcome</html>")),
  ],
  ["an empty 200 for a token", /auth_requests/, (e) => e.reply(200, {}, new Uint8Array())],
  ["500 for everything", /./, (e) => e.reply(500, {}, new TextEncoder().encode("boom"))],
  ["a reset for everything", /./, (e) => Promise.resolve(e.reset())],
  [
    "a redirect of the authentication to another origin",
    /auth_requests/,
    (e) => e.reply(307, { location: "http://127.0.0.1:9/elsewhere" }, new Uint8Array()),
  ],
  ["400 for the inventory", /attributes/, (e) => e.reply(400, {}, new Uint8Array())],
  ["no JSON for next", /next/, (e) => e.reply(200, {}, new TextEncoder().encode("{"))],
  ["a list for next", /next/, (e) => e.reply(200, {}, new TextEncoder().encode("[]"))],
  [
    "an ID with ../ for next",
    /next/,
    (e) => e.reply(200, {}, offer("../../etc", "http://127.0.0.1:9/a")),
  ],
  ["a file: link for next", /next/, (e) => e.reply(200, {}, offer("aa-11", "file:///etc/passwd"))],
  [
    "a deeply nested answer for next",
    /next/,
    (e) => e.reply(200, {}, new TextEncoder().encode("[".repeat(400_000))),
  ],
  ["409 for next", /next/, (e) => e.reply(409, {}, new Uint8Array())],
  ["an endless answer for next", /next/, async (e) => {
    e.start(200, {});
    for (let n = 0; n < 64; n++) if (!await e.write(new Uint8Array(65536).fill(32))) return;
    e.end();
  }],
];

for (const [name, path, answer] of answers) {
  test(`daemon survives ${name}, and goes on when the server has recovered`, async () => {
    await withServer({ autoAccept: true }, async (server) => {
      let hits = 0;
      server.setInterceptor(async (exchange) => {
        if (!path.test(exchange.target)) return false;
        hits++;
        await answer(exchange);
        return true;
      });
      await withDaemon({}, server, async (rig, output) => {
        await waitUntil("two bad answers", () => hits >= 2);
        server.setInterceptor(undefined);
        const after = server.journal.entries.length;
        await waitUntil(
          "a good poll",
          () =>
            server.journal.entries.slice(after).some((e) =>
              e.path.endsWith("/next") && e.status === 204
            ),
        );
        assert.match(output(), /WARNING Failed to/);
        assert.deepEqual(rig.installed(), []);
        assert.equal(rig.record(), undefined);
      });
    });
  });
}

function offer(id: string, uri: string): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({
    id,
    artifact: { artifact_name: "a", device_types_compatible: ["acme-box"], source: { uri } },
  }));
}

const scripts = {
  "a-good": "echo serial=K7; echo ip=10.0.0.1; echo ip=10.0.0.2",
  "b-exits-3": "echo lost=1; exit 3",
  "c-latin1": "printf 'town=M\\374nchen\\n'",
  "d-binary": "head -c 3000 /dev/urandom",
  "e-no-lines": "true",
  "z-good": "echo ip=10.0.0.3; echo kernel=6.1",
};

test("one bad inventory script never loses the others; repeated keys become lists", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    const prepare = (rig: ClientRig): void => {
      rig.write(
        `${rig.paths.inventoryDirectory}/not-executable`,
        "#!/bin/sh\necho never=1\n",
        0o644,
      );
      rig.write(rig.paths.artifactInfo, "artifact_name=release-1\nartifact_group=g1\nbuild=77\n");
    };
    await withDaemon({ inventory: scripts }, server, async (_, output) => {
      const inventory = await waitUntil("the inventory", () => {
        const known = server.devices()[0]?.inventory ?? [];
        return known.length > 0 && known;
      });
      const values = Object.fromEntries(inventory.map(({ name, value }) => [name, value]));
      assert.equal(values["serial"], "K7");
      assert.deepEqual(values["ip"], ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
      assert.equal(values["kernel"], "6.1");
      assert.equal(values["artifact_group"], "g1");
      assert.equal(values["build"], "77");
      assert.equal(values["device_type"], "acme-box");
      assert.equal(values["artifact_name"], "release-1");
      assert.match(String(values["mender_client_version"]), /^mender-deno \d/);
      for (const absent of ["lost", "never", "town"]) assert.ok(!(absent in values), absent);
      for (const bad of ["b-exits-3", "c-latin1", "d-binary"]) {
        assert.ok(output().includes(bad), bad);
      }
      assert.deepEqual(server.violations(), []);
    }, prepare);
  });
});

test("daemon keeps a key that it cannot use, says why, and goes on once it is mended", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const encrypted = privateKey.export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    });
    await withDaemon(
      {},
      server,
      async (rig, output) => {
        await waitUntil("the complaint", () => /encrypted/.test(output()));
        assert.equal(rig.read(rig.paths.key), encrypted);
        assert.equal(server.journal.entries.length, 0);
        rig.write(rig.paths.key, privateKey.export({ type: "sec1", format: "pem" }), 0o600);
        await waitUntil("a poll", () => isAuthorized(server));
      },
      (rig) => rig.write(rig.paths.key, encrypted, 0o600),
    );
  });
});

const configs: [name: string, text: string | null, message: RegExp][] = [
  ["broken JSON", '{"ServerURL": ', /mender\.conf/],
  ["no object", "[1]", /mender\.conf/],
  ["a wrong type", '{"UpdatePollIntervalSeconds": "often"}', /UpdatePollIntervalSeconds/],
  ["an interval of -1", '{"UpdatePollIntervalSeconds": -1}', /UpdatePollIntervalSeconds/],
  ["no server", "{}", /none is configured/],
  ["a server that is no web address", '{"ServerURL": "ftp://x"}', /ServerURL/],
  [
    "both ServerURL and Servers",
    '{"ServerURL":"https://a","Servers":[{"ServerURL":"https://b"}]}',
    /Servers/,
  ],
];

for (const [name, text, message] of configs) {
  test(`daemon ends with one clear line, report with 3, for a configuration with ${name}`, async () => {
    await withRig({ serverUrl: "http://127.0.0.1:1" }, async (rig) => {
      rig.write(rig.paths.mainConfig, text ?? "");
      const { code, stderr, stdout } = await rig.run("daemon");
      assert.equal(code, 1);
      assert.equal(stdout, "");
      assert.match(stderr, /^Error: Cannot .*/);
      assert.match(stderr, message);
      assert.ok(stderr.trim().split("\n").length <= 2, stderr);
      assertNoTrace(stderr);
      // What a sub-updater reports is never lost for want of a configuration.
      rig.write(rig.paths.lock, "0f0f0f0f-1111");
      const reported = await rig.run("report", "--success");
      assert.equal(reported.code, 3, reported.stderr);
      assert.match(reported.stderr, message);
      assertNoTrace(reported.stderr);
      assert.equal(
        rig.read(`${rig.paths.dataDirectory}/outcome.0f0f0f0f-1111.json`),
        '{"status":"success"}\n',
      );
    });
  });
}

test("a second daemon on the same device is refused; a dead one's socket is taken over", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const first = rig.start("daemon");
      await waitUntil("the first daemon", () => isAuthorized(server));
      const second = await rig.run("daemon");
      assert.equal(second.code, 1);
      assert.match(second.stderr, /^Error: Cannot start: another daemon holds .*daemon\.sock$/m);
      first.kill("SIGKILL");
      await first.ended;
      assert.ok(existsSync(rig.paths.controlSocket));
      const polls = server.journal.entries.length;
      const third = rig.start("daemon");
      await waitUntil("the third daemon", () => server.journal.entries.length > polls + 1);
      third.kill("SIGTERM");
      assert.equal((await third.ended).code, 0);
      assert.ok(!existsSync(rig.paths.controlSocket));
    });
  });
});

test("no secret is in any log, at any level, nor in an uploaded log", async () => {
  const tenant = "tenant-secret-4711";
  const options: Partial<ServerOptions> = { autoAccept: true, tenantToken: tenant };
  await withServer(options, async (server) => {
    const install = `echo "token Bearer abcdefgh12345678"; echo ${tenant}; cat KEY`;
    await withRig({ serverUrl: server.url, config: { TenantToken: tenant } }, async (rig) => {
      rig.script(rig.paths.installScript, install.replace("KEY", rig.paths.key));
      await server.uploadArtifact(rigArtifact("release-2"));
      const log = `${rig.root}/all.log`;
      const daemon = rig.start("daemon", "-l", "trace", "--log-file", log);
      const device = await waitUntil("a device", () => server.devices()[0]);
      const id = server.createDeployment({ artifactName: "release-2" });
      const { stderr } = await daemon.ended;
      await waitUntil(
        "the sub-updater",
        () => /PRIVATE KEY/.test(rig.read(rig.paths.subUpdaterLog)),
      );
      const reported = await rig.run(
        "report",
        "--failure",
        "-l",
        "trace",
        "--message",
        `saw ${tenant}`,
      );
      assert.equal(reported.code, 0, reported.stderr);
      const uploaded = JSON.stringify(server.deploymentLog(id, device.id));
      const check = await rig.run("check-config");
      const key = readFileSync(rig.paths.key, "utf8").split("\n")[3]!;
      const ownLogs = [stderr, reported.stderr, uploaded, check.stdout, rig.read(log)];
      for (const text of ownLogs) {
        assert.ok(text.length > 50);
        for (const secret of [tenant, "eyJ", key, "abcdefgh12345678"]) {
          assert.ok(!text.includes(secret), `${secret} in ${text}`);
        }
      }
    });
  });
});

test("daemon --once ends with 0 after one round, with 1 while it is pending", async () => {
  await withServer({}, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      assert.equal((await rig.run("daemon", "--once")).code, 1);
      server.acceptDevice(server.devices()[0]!.id);
      const { code, stderr } = await rig.run("daemon", "--once");
      assert.equal(code, 0, stderr);
      assert.ok(isAuthorized(server));
    });
  });
});
