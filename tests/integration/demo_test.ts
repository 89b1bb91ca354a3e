import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { test } from "../support/test.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { waitUntil } from "../support/wait.ts";

const { self } = await hostDrivers();

interface Demo {
  readonly ended: Promise<{ code: number | null; output: string }>;
  output(): string;
}

function startDemo(directory: string, ...args: string[]): Demo {
  const main = new URL("../../cli/main.ts", import.meta.url);
  const [program = "", ...first] = self.selfCommand(main, ["-A"]);
  const child = spawn(program, [...first, "demo", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: directory },
  });
  let output = "";
  child.stdout.on("data", (chunk) => output += String(chunk));
  child.stderr.on("data", (chunk) => output += String(chunk));
  const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, output }));
  });
  return { ended, output: () => output };
}

test("demo plays a whole update in plain lines and leaves nothing behind", async () => {
  await inTemporaryDirectory(async (directory) => {
    const { code, output } = await startDemo(directory).ended;
    assert.equal(code, 0, output);
    const told = [
      "pending",
      "accepts the device",
      "has the inventory",
      "publishes a deployment",
      "downloading",
      "downloaded and verified",
      "handed over",
      "Installed; reporting success",
      'reports "success"',
      "artifact_name=demo-release-2",
    ];
    let at = 0;
    for (const text of told) {
      const found = output.indexOf(text, at);
      assert.ok(found >= 0, `${text} is missing, or in the wrong order:\n${output}`);
      at = found;
    }
    assert.ok(!output.includes("\x1b") && !output.includes("\r"));
    assert.deepEqual(readdirSync(directory), []);
  });
});

test("demo --keep leaves the device with the new release on it", async () => {
  await inTemporaryDirectory(async (directory) => {
    const { code, output } = await startDemo(directory, "--keep").ended;
    assert.equal(code, 0, output);
    const [root = ""] = readdirSync(directory);
    const info = readFileSync(join(directory, root, "etc/mender/artifact_info"), "utf8");
    assert.equal(info, "artifact_name=demo-release-2\n");
    assert.ok(existsSync(join(directory, root, "opt/demo-app/app.img")));
  });
});

test("demo fails when its sub-updater is killed in the middle", async () => {
  await inTemporaryDirectory(async (directory) => {
    const demo = startDemo(directory);
    await waitUntil("the installation", () => demo.output().includes("Installing app.img"), 15_000);
    const [root = ""] = readdirSync(directory);
    const data = join(directory, root, "var/lib/mender");
    const marker = join(data, readdirSync(data).find((name) => name.endsWith(".started"))!);
    process.kill(Number(readFileSync(marker, "utf8").split("\n")[0]), "SIGKILL");
    const { code, output } = await demo.ended;
    assert.equal(code, 1, output);
    assert.match(output, /^Error: The sub-updater ended without a report$/m);
    assert.doesNotMatch(output, /done:/);
    assert.deepEqual(readdirSync(directory), []);
  });
});
