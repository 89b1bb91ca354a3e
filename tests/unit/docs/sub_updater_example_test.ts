import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeArtifact } from "../../../lib/testing/artifact_writer.ts";
import { repositoryText } from "../../support/repository_text.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";
import { codeBlocks } from "./markdown.ts";

/** What the example leaves behind. */
interface Installed {
  /** Its exit code is not looked at by anybody; its complaints are shown by a failing test. */
  readonly complaints: string;
  /** Command lines that it called `report` with. */
  readonly reports: string;
  /** Content of the file that the link to the release leads to. */
  readonly file: string | undefined;
  /** Content of `artifact_info`. */
  readonly info: string;
  /** Whether the lock is still there. */
  readonly isLocked: boolean;
}

/** Runs the example of the page on a device in a directory; `reportCode` is what `report` ends with. */
function installWith(root: string, artifact: Uint8Array, reportCode: number): Installed {
  const put = (path: string, content: string | Uint8Array, mode = 0o644): string => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
    return file;
  };
  const text = (path: string): string | undefined => {
    const file = join(root, path);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  };
  const example = codeBlocks(repositoryText("docs/sub_updater.md"))
    .find((block) => block.text.startsWith("#!/bin/sh"))?.text ?? "";
  const command = put(
    "fake-mender-deno",
    `#!/bin/sh\necho "$*" >>"${root}/reports"\nexit ${reportCode}\n`,
    0o755,
  );
  const script = put(
    "usr/share/mender/install",
    example.replace(/^root=.*$/m, `root=${root}`).replace(
      /^mender_deno=.*$/m,
      `mender_deno=${command}`,
    ),
    0o755,
  );
  put("etc/mender/artifact_info", "artifact_name=release-1\n");
  put("var/lib/mender/update.lock", "a-deployment");
  const file = put("var/lib/mender/artifact.mender", artifact);
  const ended = spawnSync(script, [file], { encoding: "utf8", timeout: 20_000 });
  return {
    complaints: ended.stderr,
    reports: text("reports") ?? "",
    file: text("opt/my-app/current/app.conf"),
    info: text("etc/mender/artifact_info") ?? "",
    isLocked: text("var/lib/mender/update.lock") !== undefined,
  };
}

function release(name: string, compression: "none" | "gz"): Uint8Array {
  return writeArtifact({
    name,
    deviceTypes: ["my-board"],
    payloadType: "files",
    files: [{ name: "app.conf", content: new TextEncoder().encode(name) }],
    compression,
  });
}

for (const compression of ["none", "gz"] as const) {
  test(`the sub-updater of the documentation installs an Artifact (${compression})`, () =>
    inTemporaryDirectory((root) => {
      const first = installWith(root, release("release-2", compression), 0);
      assert.deepEqual(
        [first.file, first.info, first.reports, first.isLocked],
        ["release-2", "artifact_name=release-2\n", "report --success\n", false],
        first.complaints,
      );
      const second = installWith(root, release("release-3", compression), 0);
      assert.equal(second.file, "release-3", second.complaints);
    }));
}

test("the sub-updater of the documentation keeps the lock when the report is not delivered", () =>
  inTemporaryDirectory((root) => {
    const { file, isLocked, complaints } = installWith(root, release("release-2", "gz"), 3);
    assert.deepEqual([file, isLocked], ["release-2", true], complaints);
  }));

test("the sub-updater of the documentation reports a failure and keeps the old release", () =>
  inTemporaryDirectory((root) => {
    installWith(root, release("release-2", "gz"), 0);
    const broken = installWith(root, new TextEncoder().encode("no archive at all"), 0);
    assert.match(broken.reports, /report --failure --message .+\n$/);
    assert.deepEqual([broken.file, broken.info, broken.isLocked], [
      "release-2",
      "artifact_name=release-1\n", // as the device in this test was laid out
      false,
    ]);
  }));
