import assert from "node:assert/strict";
import { rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMenderError } from "../../../lib/core/errors.ts";
import { SelfDescription } from "../../../lib/device/self_description.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { inTemporaryDirectory } from "../../support/temporary.ts";
import { test } from "../../support/test.ts";

const { files } = await hostDrivers();

interface Rig {
  readonly description: SelfDescription;
  /** Writes a file as it was some seconds ago: what was just written is always read again. */
  readonly write: (name: "type" | "info", text: string, secondsAgo: number) => void;
  readonly remove: (name: "type" | "info") => void;
  readonly pass: (ms: number) => void;
}

function withDescription(body: (rig: Rig) => void): Promise<void> {
  return inTemporaryDirectory((directory) => {
    let passedMs = 0;
    const clock = { ...systemClock, monotonic: () => passedMs };
    const paths = { type: join(directory, "type"), info: join(directory, "info") };
    body({
      description: new SelfDescription(files, clock, {
        deviceType: paths.type,
        artifactInfo: paths.info,
      }),
      write(name, text, secondsAgo) {
        writeFileSync(paths[name], text);
        const then = Date.now() / 1000 - secondsAgo;
        utimesSync(paths[name], then, then);
      },
      remove: (name) => rmSync(paths[name]),
      pass: (ms) => passedMs += ms,
    });
  });
}

test("SelfDescription gives the same object until a file changes", () =>
  withDescription(({ description, write, pass }) => {
    write("type", "device_type=box\n", 100);
    write("info", "artifact_name=release-1\nversion=1\n", 100);
    const first = description.get();
    assert.deepEqual(first, {
      device: {
        deviceType: "box",
        provides: { artifact_name: "release-1", version: "1" },
      },
      asked: { artifact_name: "release-1", version: "1", device_type: "box" },
    });
    pass(59_000);
    assert.equal(description.get(), first);
    pass(2000); // the type is looked at, and is the same
    assert.equal(description.get(), first);
    write("info", "artifact_name=release-2\n", 90);
    assert.equal(description.get().asked.artifact_name, "release-2");
  }));

test("SelfDescription sees another device type with another Artifact at once, and alone in a minute", () =>
  withDescription(({ description, write, pass }) => {
    write("type", "device_type=box\n", 100);
    write("info", "artifact_name=release-1\n", 100);
    const type = (): string => description.get().asked.device_type;
    assert.equal(type(), "box");
    write("type", "device_type=case\n", 90);
    pass(30_000);
    assert.equal(type(), "box");
    pass(31_000);
    assert.equal(type(), "case");
    write("type", "device_type=crate\n", 80);
    write("info", "artifact_name=release-2\n", 80);
    assert.equal(type(), "crate");
  }));

test("SelfDescription says what is missing for as long as it is", () =>
  withDescription(({ description, write, remove, pass }) => {
    const refusal = (about: RegExp) => (error: unknown): boolean =>
      isMenderError(error, "api.unknown-device") && about.test(error.message);
    write("type", "device_type=box\n", 100);
    write("info", "artifact_name=release-1\n", 100);
    const first = description.get();
    remove("type");
    pass(61_000);
    for (let look = 0; look < 3; look++) {
      assert.throws(() => description.get(), refusal(/type/));
      pass(1000);
    }
    write("type", "device_type=box\n", 70);
    assert.deepEqual(description.get(), first);
    remove("info");
    assert.throws(() => description.get(), refusal(/artifact_info|info|Artifact/));
    assert.throws(() => description.get(), refusal(/artifact_info|info|Artifact/));
  }));
