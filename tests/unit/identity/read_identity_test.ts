import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMenderError } from "../../../lib/core/errors.ts";
import { encodeIdentity } from "../../../lib/identity/encode_identity.ts";
import type { IdentityForm } from "../../../lib/identity/parse_identity.ts";
import { readIdentity } from "../../../lib/identity/read_identity.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { writeScript } from "../../support/scripts.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { waitUntil } from "../../support/wait.ts";

const { files, processes } = await hostDrivers();
const shared = { files, processes, form: "array" as IdentityForm };

test("readIdentity() returns what the script prints", async () => {
  await inTemporaryDirectory(async (directory) => {
    const script = writeScript(
      `${directory}/id`,
      "echo mac=02:11; echo noise; echo serial=7; echo hi >&2",
    );
    const logger = logRecorder();
    const attributes = await readIdentity({ ...shared, script, logger });
    assert.deepEqual([...attributes], [["mac", ["02:11"]], ["serial", ["7"]]]);
    assert.match(logger.all(), /debug: .* wrote to standard error: hi/);
    assert.deepEqual(logger.lines().length, 1);
    assert.match(logger.lines()[0]!, /1 lines without "="/);
  });
});

const failing: [name: string, body: string, code: string, says: RegExp][] = [
  [
    "fails",
    "echo mac=1; echo no interface >&2; exit 3",
    "identity.script-failed",
    /exit code 3, no interface$/,
  ],
  ["is killed", "echo mac=1; kill -9 $$", "identity.script-failed", /exit code 137/],
  ["hangs", "echo mac=1; sleep 60", "identity.timed-out", /longer than 0\.3 s/],
  [
    "prints no end",
    "echo mac=1; while :; do printf '%01000d' 0; done 2>/dev/null",
    "identity.t",
    /./,
  ],
  [
    "prints too much",
    "head -c 300000 /dev/zero | tr '\\0' a",
    "identity.too-much-output",
    /262144/,
  ],
  ["prints Latin-1", "printf 'site=\\305rhus\\n'", "identity.not-text", /UTF-8/],
  ["prints zeros", "printf 'mac=1\\000\\n'", "identity.not-text", /NUL/],
  ["prints nothing", ":", "identity.empty", /no key=value line/],
  ["prints no pair", "echo hello", "identity.empty", /no key=value line/],
];
for (const [name, body, code, says] of failing) {
  test(`readIdentity() takes nothing from a script that ${name}`, async () => {
    await inTemporaryDirectory(async (directory) => {
      const script = writeScript(`${directory}/id`, body);
      const timeoutMs = /hangs|no end/.test(name) ? 300 : 20_000;
      await assert.rejects(
        readIdentity({ ...shared, script, timeoutMs, logger: logRecorder() }),
        (error) => {
          assert.ok(isMenderError(error), String(error));
          assert.equal(error.name, "IdentityError");
          assert.ok(error.code.startsWith(code), error.code);
          assert.match(error.message, says);
          return true;
        },
      );
    });
  });
}

test("readIdentity() tells a script that is missing, no file, not executable or no program", async () => {
  await inTemporaryDirectory(async (directory) => {
    mkdirSync(`${directory}/directory`);
    writeFileSync(`${directory}/plain`, "echo mac=1\n", { mode: 0o644 });
    writeFileSync(`${directory}/binary`, "#!/no/such/interpreter\n", { mode: 0o755 });
    const rows = [
      ["none", "identity.no-script"],
      ["directory", "identity.no-script"],
      ["plain", "identity.not-executable"],
      ["binary", "identity.script-failed"],
    ] as const;
    for (const [name, code] of rows) {
      await assert.rejects(
        readIdentity({ ...shared, script: `${directory}/${name}`, logger: logRecorder() }),
        (error) => isMenderError(error, code),
        name,
      );
    }
  });
});

test("readIdentity() tells when no program can be started at all", async () => {
  await inTemporaryDirectory(async (directory) => {
    const script = writeScript(`${directory}/id`, "echo mac=1");
    const denied = new Error("Requires run access");
    const refusing: typeof processes = { ...processes, run: () => Promise.reject(denied) };
    await assert.rejects(
      readIdentity({ ...shared, processes: refusing, script, logger: logRecorder() }),
      (error) => isMenderError(error, "identity.not-startable") && error.cause === denied,
    );
  });
});

test("readIdentity() stops when it is told to", async () => {
  await inTemporaryDirectory(async (directory) => {
    const script = writeScript(
      `${directory}/id`,
      `touch ${directory}/started; sleep 60; echo mac=1`,
    );
    const controller = new AbortController();
    const reading = readIdentity({
      ...shared,
      script,
      logger: logRecorder(),
      signal: controller.signal,
    });
    const ended = assert.rejects(reading, /enough/);
    await waitUntil("the script", () => existsSync(`${directory}/started`));
    controller.abort(new Error("enough"));
    await ended;
  });
});

for (const [client, form] of [["python_client", "array"], ["mender_3_4", "scalar"]] as const) {
  test(`readIdentity() is the same device as ${client} was`, async () => {
    const data = new URL("../../data/", import.meta.url);
    const sent = JSON.parse(readFileSync(new URL(`${client}/auth_request.json`, data), "utf8"));
    await inTemporaryDirectory(async (directory) => {
      // A copy, because a checkout may have lost the mode.
      const source = fileURLToPath(new URL("peer_scripts/mender-device-identity", data));
      const script = `${directory}/id`;
      writeFileSync(script, readFileSync(source), { mode: 0o755 });
      const attributes = await readIdentity({ ...shared, script, form, logger: logRecorder() });
      assert.deepEqual(JSON.parse(encodeIdentity(attributes, form)), JSON.parse(sent.id_data));
      const other = form === "array" ? "scalar" : "array";
      assert.notDeepEqual(JSON.parse(encodeIdentity(attributes, other)), JSON.parse(sent.id_data));
    });
  });
}
