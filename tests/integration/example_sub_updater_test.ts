import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { writeArtifact } from "../../lib/testing/artifact_writer.ts";
import { REPOSITORY } from "../support/repository_text.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";

const example = join(REPOSITORY, "scripts/service/sub_updater_example.sh");

/** A device in a directory, with a stand-in for mender-deno that notes how it is called. */
class Device {
  readonly root: string;
  readonly command: string;

  constructor(root: string) {
    this.root = root;
    this.command = this.put(
      "mender-deno",
      `#!/bin/sh
case "$*" in
  *"flow wait"*) echo "$*" >>"${root}/calls"; [ ! -e "${root}/refuses" ]; exit ;;
esac
echo "$*" >>"${root}/calls"
`,
      0o755,
    );
    this.put("etc/mender/artifact_info", "artifact_name=release-1\n");
  }

  put(path: string, content: string | Uint8Array, mode = 0o644): string {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  }

  text(path: string): string | undefined {
    const file = join(this.root, path);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  }

  /** Runs the example; gives the calls of this run, without the root. */
  install(artifact: Uint8Array): { code: number | null; calls: string[]; stderr: string } {
    this.put("var/lib/mender/update.lock", "a-deployment");
    this.put("calls", "");
    const file = this.put("var/lib/mender/artifact.mender", artifact);
    const { status, stderr } = spawnSync(example, [file], {
      encoding: "utf8",
      timeout: 60_000,
      env: { PATH: "/usr/bin:/bin", MENDER_ROOT: this.root, MENDER_DENO: this.command },
    });
    const calls = (this.text("calls") ?? "").replaceAll(`--root ${this.root} `, "").split("\n")
      .filter((line) => line !== "");
    return { code: status, calls, stderr };
  }

  get slot(): string {
    return readlinkSync(join(this.root, "opt/my-app/current"));
  }
}

function release(name: string): Uint8Array {
  return writeArtifact({
    name,
    deviceTypes: ["acme-box"],
    payloadType: "files",
    files: [{ name: "app.conf", content: new TextEncoder().encode(name) }],
    compression: "gz",
  });
}

const withDevice = (body: (device: Device) => void): Promise<void> =>
  inTemporaryDirectory((root) => body(new Device(root)));

test("the example sub-updater swaps two slots and reports", () =>
  withDevice((device) => {
    const seen: string[] = [];
    for (const name of ["release-2", "release-3", "release-4"]) {
      const { code, calls, stderr } = device.install(release(name));
      assert.deepEqual([code, calls.at(-1)], [0, "report --success"], stderr);
      assert.equal(device.text("opt/my-app/current/app.conf"), name);
      assert.equal(device.text("etc/mender/artifact_info"), `artifact_name=${name}\n`);
      assert.equal(device.text("var/lib/mender/update.lock"), undefined);
      seen.push(device.slot);
    }
    assert.deepEqual(seen, ["a", "b", "a"]);
  }));

test("the example sub-updater does nothing twice when it is run again for an Artifact", () =>
  withDevice((device) => {
    device.install(release("release-2"));
    device.install(release("release-3"));
    // As after a power cut between the swap and the report.
    device.put("etc/mender/artifact_info", "artifact_name=release-2\n");
    const { code, calls, stderr } = device.install(release("release-3"));
    const expected = ["flow wait ArtifactCommit_Enter", "report --success"];
    assert.deepEqual([code, calls, device.slot], [0, expected, "b"], stderr);
    assert.equal(device.text("etc/mender/artifact_info"), "artifact_name=release-3\n");
    assert.equal(device.text("opt/my-app/a/app.conf"), "release-2");
  }));

test("the example sub-updater keeps the old release and reports a failure", () =>
  withDevice((device) => {
    device.install(release("release-2"));
    const { code, calls } = device.install(new TextEncoder().encode("no archive"));
    assert.deepEqual([code, device.slot], [1, "a"]);
    assert.deepEqual(calls, ["report --failure --message the Artifact cannot be unpacked"]);
    assert.equal(device.text("etc/mender/artifact_info"), "artifact_name=release-2\n");
    assert.equal(device.text("var/lib/mender/update.lock"), undefined);
  }));

test("the example sub-updater asks update control, and goes back when it may not commit", () =>
  withDevice((device) => {
    const passed = device.install(release("release-2"));
    assert.deepEqual(passed.calls, [
      "flow wait ArtifactReboot_Enter",
      "flow wait ArtifactCommit_Enter",
      "report --success",
    ]);
    device.put("refuses", "");
    const { code, calls } = device.install(release("release-3"));
    assert.equal(code, 1);
    assert.match(
      calls.at(-1) ?? "",
      /^report --failure --message update control does not let it pass$/,
    );
    assert.equal(device.text("opt/my-app/current/app.conf"), "release-2");
  }));
