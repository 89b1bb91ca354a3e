import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ClientRig, rigArtifact, withRig } from "../support/client_rig.ts";
import { runHere } from "../support/command_here.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

/** Secrets by the place through which they come in; each is found only where it was put. */
const SECRETS = {
  jwt: "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJkZXZpY2UtNDcxMSJ9.c2lnbmF0dXJlLTQ3MTE",
  tenant: "tenant-4711-secret",
  pem: "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC4711",
  proxy: "proxy-pass-4711",
  query: "signature-of-link-4711",
  basic: "YWRtaW46bWFuYWdlbWVudC00NzEx",
  management: "management-token-4711-abcdef",
} as const;

/** All of them as a script, an error of a peer or a sub-updater would spill them. */
const SPILL = [
  `Authorization: Bearer ${SECRETS.jwt}`,
  `Authorization: Basic ${SECRETS.basic}`,
  `"tenant_token":"${SECRETS.tenant}"`,
  `saw ${SECRETS.tenant} again`,
  "-----BEGIN PRIVATE KEY-----",
  SECRETS.pem,
  "-----END PRIVATE KEY-----",
  `http://user:${SECRETS.proxy}@127.0.0.1:3128/`,
  `https://s3.example.com/a.mender?X-Amz-Signature=${SECRETS.query}`,
  `Bearer ${SECRETS.management}`,
];

const SHELL_SPILL = SPILL.map((line) => `echo '${line}'`).join("; ");

function assertClean(where: string, text: string): void {
  for (const [name, secret] of Object.entries(SECRETS)) {
    assert.ok(!text.includes(secret), `${name} in ${where}: ${text}`);
  }
  assert.doesNotMatch(text, /eyJ[\w-]{20}/, where);
}

/** What was written below the device, without the files through which the secrets came in. */
function writtenFiles(rig: ClientRig): [path: string, text: string][] {
  const givenFiles = [
    rig.paths.mainConfig,
    rig.paths.key,
    rig.paths.installScript,
    rig.paths.identityScript,
    rig.paths.subUpdaterLog,
    rig.paths.inventoryDirectory,
  ];
  return readdirSync(rig.root, { recursive: true, encoding: "utf8" })
    .map((name) => join(rig.root, name))
    .filter((path) => !givenFiles.some((given) => path.startsWith(given)))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .map((path) => [path, readFileSync(path, "utf8")]);
}

const config = { TenantToken: SECRETS.tenant };

for (const format of ["text", "json"] as const) {
  test(`no secret comes out of a whole deployment that fails, with a log in ${format}`, () =>
    withServer({ autoAccept: true, tenantToken: SECRETS.tenant }, (server) =>
      withRig({
        serverUrl: server.url,
        config,
        identity: `{ ${SHELL_SPILL}; } >&2; echo mac=02:00:00:00:47:11`,
        inventory: {
          "a-fails": `{ ${SHELL_SPILL}; } >&2; exit 3`,
          "b-spills": `${SHELL_SPILL}; echo serial=1`,
        },
        install: SHELL_SPILL,
      }, async (rig) => {
        await server.uploadArtifact(rigArtifact("release-2"));
        const flags = ["-l", "trace", "--log-format", format];
        const daemon = rig.start("daemon", ...flags, "--log-file", `${rig.root}/all.log`);
        const device = await waitUntil("a device", () => server.devices()[0]);
        const id = server.createDeployment({ artifactName: "release-2" });
        const { stderr, code } = await daemon.ended;
        assert.equal(code, 0, stderr);
        await waitUntil(
          "the sub-updater",
          () => rig.read(rig.paths.subUpdaterLog).includes(SECRETS.management),
        );
        const status = await rig.run("status", "--json", "--verbose");
        // What has no form is known by its value, once the configuration was read: later than the record.
        const message = ["--message", SPILL.filter((line) => !line.startsWith("saw")).join(" ")];
        const reported = await rig.run("report", "--failure", ...message, ...flags);
        assert.equal(reported.code, 0, reported.stderr);
        const uploaded = server.deploymentLog(id, device.id) ?? [];
        assert.ok(uploaded.length > 5);
        for (const each of uploaded) {
          assert.deepEqual(Object.keys(each).sort(), ["level", "message", "timestamp"]);
        }
        assertClean("the daemon's output", stderr);
        assertClean("the output of report", reported.stderr + reported.stdout);
        assertClean("the uploaded log", JSON.stringify(uploaded));
        assertClean("status", status.stdout + status.stderr);
        for (const command of [["check-config"], ["check-config", "--json"], ["bootstrap"]]) {
          const end = await rig.run(...command, ...flags);
          assertClean(command.join(" "), end.stdout + end.stderr);
        }
        for (const [path, text] of writtenFiles(rig)) assertClean(path, text);
        if (format === "json") assertBelongs(stderr, id);
      })));
}

/** Every line between the offer and the end of the daemon names its deployment. */
function assertBelongs(log: string, id: string): void {
  const records = log.trim().split("\n").map((line) => JSON.parse(line));
  const first = records.findIndex(({ message }) =>
    /^Deployment of Artifact .* received/.test(message)
  );
  const last = records.findIndex(({ message }) => /^Artifact handed over/.test(message));
  assert.ok(first >= 0 && last > first, log);
  for (const record of records.slice(first, last + 1)) {
    assert.equal(record.deployment, id, JSON.stringify(record));
  }
}

const spilled = new Error(SPILL.join(" "), { cause: new Error(SPILL.join("\n")) });

for (const more of [[], ["--verbose"], ["--log-format", "json"]]) {
  const flags = more.join(" ");
  test(`no secret is in an error, in its causes, or in a crash ${flags}`, () =>
    withRig({ serverUrl: "http://127.0.0.1:9", config }, async (rig) => {
      const { code, stderr } = await runHere(["--root", rig.root, ...more, "verify", "x"], {
        drivers: (drivers) => ({
          ...drivers,
          self: {
            ...drivers.self,
            onCrash(handler) {
              handler(spilled);
              return () => {};
            },
          },
          files: {
            ...drivers.files,
            open(path, mode, options) {
              if (path === rig.paths.mainConfig) throw spilled;
              return drivers.files.open(path, mode, options);
            },
          },
        }),
      });
      assert.equal(code, 1);
      assert.ok(stderr.split("\n").length >= 3, stderr); // the crash, and the error
      // What has no form is known by its value only once the configuration was read.
      assertClean("errors", stderr.replaceAll(`saw ${SECRETS.tenant}`, ""));
    }));
}

test("no secret of a proxy, a link or a server's answer comes out", () =>
  withServer({ autoAccept: true, tenantToken: SECRETS.tenant }, async (server) => {
    server.setInterceptor(async (exchange) => {
      if (!/\/next|attributes/.test(exchange.target)) return false;
      await exchange.reply(500, {}, new TextEncoder().encode(SPILL.join("\n")));
      return true;
    });
    await withRig({
      serverUrl: server.url,
      config,
      env: { HTTPS_PROXY: `http://user:${SECRETS.proxy}@127.0.0.1:9` },
    }, async (rig) => {
      const end = await rig.run("daemon", "--once", "-l", "trace", "--verbose");
      assert.equal(end.code, 1, end.stderr);
      assert.match(end.stderr, /the server answered 500/);
      assertClean("the daemon's output", end.stderr);
      rig.write(
        rig.paths.mainConfig,
        JSON.stringify({ ...config, ServerURL: "https://mender.example.com" }),
      );
      for (const line of [["daemon", "--once"], ["check-config"]]) {
        const { stdout, stderr } = await rig.run(...line, "-l", "trace", "--verbose");
        assertClean(line.join(" "), stdout + stderr);
      }
      for (const [path, text] of writtenFiles(rig)) assertClean(path, text);
    });
  }));
