import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import process from "node:process";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { peer } from "../support/peers.ts";
import { RawDevice } from "../support/raw_device.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { statusOf, withServer } from "../support/with_server.ts";

const cli = peer("mender-cli", "apt-get install mender-cli");
const writer = peer("mender-artifact", "apt-get install mender-artifact");

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end; after 20 s it is killed. */
function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => output.push(String(chunk)));
    }
    const killer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(killer);
      resolve({ code, output: output.join("") });
    });
  });
}

/** A mender-cli of our server, with a home directory of its own. */
function cliOf(server: MenderServer, home: string): (...args: string[]) => Promise<Ended> {
  const env: Record<string, string> = { HOME: home, XDG_CACHE_HOME: join(home, "cache") };
  if (server.caCertificate !== undefined) {
    env.SSL_CERT_FILE = join(home, "ca.pem");
    writeFileSync(env.SSL_CERT_FILE, server.caCertificate);
  }
  return (...args) => run("mender-cli", ["--server", server.url, ...args], env);
}

for (const scheme of ["http", "https"] as const) {
  test(
    `mender-cli over ${scheme} logs in, lists devices, and handles Artifacts`,
    () =>
      inTemporaryDirectory((home) =>
        withServer({ tls: scheme === "https" }, async (server) => {
          const mender = cliOf(server, home);
          const wrong = await mender("login", "--username", server.user, "--password", "no");
          assert.equal(wrong.code, 1);
          assert.match(wrong.output, /status 401/);
          const login = ["login", "--username", server.user, "--password", server.password];
          const good = await mender(...login, "--2fa-code", "123456");
          assert.equal(good.code, 0, good.output);
          assert.match(good.output, /login successful/);

          if (scheme === "http") { // over https this device would need the CA as well
            await statusOf(new RawDevice(server.url, { mac: "02:00:00:00:00:09" }).authenticate());
          }
          const devices = await mender("devices", "list", "-d", "3");
          assert.equal(devices.code, 0, devices.output);
          for (const { id } of server.devices()) assert.ok(devices.output.includes(id));

          const file = join(home, "acme-8.mender");
          const payload = join(home, "payload.bin");
          writeFileSync(payload, new Uint8Array(200_000));
          const written = await run("mender-artifact", [
            ...["write", "module-image", "-n", "acme-8", "-t", "acme-box", "-T", "acme"],
            ...["-f", payload, "-o", file],
          ]);
          assert.equal(written.code, 0, written.output);
          const upload = ["artifacts", "upload", "--no-progress", "--description", "eight", file];
          const uploaded = await mender(...upload);
          assert.equal(uploaded.code, 0, uploaded.output);
          const twice = await mender(...upload);
          assert.equal(twice.code, 1);
          assert.match(twice.output, /status 409/);

          const listed = await mender("artifacts", "list", "-d", "3");
          assert.equal(listed.code, 0, listed.output);
          assert.match(listed.output, /acme-8/);
          const shown = server.journal.entries.findLast(({ path }) => path.endsWith("/artifacts"));
          assert.equal(shown?.status, 200);

          const id = server.artifacts()[0]?.id ?? "";
          assert.ok(listed.output.includes(id), listed.output);
          const deleted = await mender("artifacts", "delete", id);
          assert.equal(deleted.code, 0, deleted.output);
          assert.deepEqual(server.artifacts(), []);
          assert.equal((await mender("artifacts", "delete", id)).code, 1);
        })
      ),
    { skip: cli.skip ?? writer.skip },
  );
}
