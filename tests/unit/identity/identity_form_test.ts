import assert from "node:assert/strict";
import { existsSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { wellKnownPaths } from "../../../lib/config/paths.ts";
import { isMenderError } from "../../../lib/core/errors.ts";
import { decideIdentityForm } from "../../../lib/identity/identity_form.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files, self } = await hostDrivers();

/** A data directory with some files, and a decision in it. */
async function inDataDirectory(
  content: Record<string, string>,
  body: (
    decide: (configured?: "auto" | "array" | "scalar") => string,
    paths: ReturnType<typeof wellKnownPaths>,
  ) => void,
): Promise<void> {
  await inTemporaryDirectory((data) => {
    for (const [name, text] of Object.entries(content)) writeFileSync(`${data}/${name}`, text);
    const paths = wellKnownPaths({ data });
    const logger = logRecorder();
    body(
      (configured = "auto") =>
        decideIdentityForm({ files, paths, uid: self.uid, configured, logger }),
      paths,
    );
  });
}

const found: [name: string, content: Record<string, string>, form: string][] = [
  ["an empty directory", {}, "scalar"],
  ["the database of Go and C++", { "mender-store": "" }, "scalar"],
  ["the log of Python", { "deployment.log": "" }, "array"],
  ["Python with mender as its sub-updater", { "mender-store": "", "deployment.log": "" }, "array"],
  ["a stored array", { identity_format: "array\n", "mender-store": "" }, "array"],
  ["a stored scalar", { identity_format: "scalar", "deployment.log": "" }, "scalar"],
];
for (const [name, content, form] of found) {
  test(`decideIdentityForm() decides ${form} for ${name}, and stays with it`, async () => {
    await inDataDirectory(content, (decide, paths) => {
      assert.equal(decide(), form);
      assert.equal(readFileSync(paths.identityFormat, "utf8").trim(), form);
      for (const trace of [paths.menderStore, paths.legacyDeploymentLog]) {
        if (existsSync(trace)) unlinkSync(trace);
        else writeFileSync(trace, "");
      }
      assert.equal(decide(), form);
    });
  });
}

test("decideIdentityForm() does what the configuration says and stores nothing", async () => {
  await inDataDirectory({ "deployment.log": "" }, (decide, paths) => {
    assert.equal(decide("scalar"), "scalar");
    assert.equal(decide("array"), "array");
    assert.ok(!existsSync(paths.identityFormat));
  });
});

test("decideIdentityForm() makes nothing up when the stored decision is not readable", async () => {
  await inDataDirectory({ identity_format: "arra" }, (decide, paths) => {
    const isRefused = (error: unknown) => isMenderError(error, "identity.form-unreadable");
    assert.throws(() => decide(), isRefused);
    assert.equal(decide("array"), "array");
    unlinkSync(paths.identityFormat);
    symlinkSync("/dev/null", paths.identityFormat);
    assert.throws(() => decide(), isRefused);
  });
});

test("decideIdentityForm() does not use a decision that it cannot store", async () => {
  await inTemporaryDirectory((directory) => {
    const paths = wellKnownPaths({ data: `${directory}/none` });
    assert.throws(
      () =>
        decideIdentityForm({
          files,
          paths,
          uid: self.uid,
          configured: "auto",
          logger: logRecorder(),
        }),
      (error) => isMenderError(error, "identity.form-unwritable"),
    );
  });
});
