import assert from "node:assert/strict";
import type { DeploymentContext } from "../../../lib/deployment/context.ts";
import { isStillRunning } from "../../../lib/deployment/handoff/handoff_runner.ts";
import type { HandoffRecord } from "../../../lib/store/deployment_record.ts";
import { test } from "../../support/test.ts";

const BOOT = "11111111-2222-4333-8444-555555555555";
const OTHER_BOOT = "99999999-2222-4333-8444-555555555555";
const started: HandoffRecord = { bootId: BOOT, pid: 4711, startTime: "100" };
const asUnit: HandoffRecord = { ...started, unit: "mender-deno-install-0f" };

/** What the machine says: its boot, when the process with that ID started, the state of the unit. */
type Machine = [bootId: string, startTime: string | undefined, unitState: string];

const rows: [name: string, handoff: HandoffRecord | undefined, machine: Machine, is: boolean][] = [
  ["the process that was started", started, [BOOT, "100", ""], true],
  ["another process with its ID", started, [BOOT, "101", ""], false],
  ["no process with its ID", started, [BOOT, undefined, ""], false],
  ["its twin after a reboot, start time and all", started, [OTHER_BOOT, "100", ""], false],
  ["nothing that was recorded", undefined, [BOOT, "100", ""], false],
  ["a marker that could not be understood", { bootId: "" }, [BOOT, "100", ""], false],
  ["a unit whose first process has ended", asUnit, [BOOT, undefined, "active"], true],
  ["a unit that is about to start", asUnit, [BOOT, undefined, "activating"], true],
  ["a unit that is over", asUnit, [BOOT, undefined, "inactive"], false],
  ["a unit that has failed", asUnit, [BOOT, "101", "failed"], false],
  ["a unit of the boot before", asUnit, [OTHER_BOOT, undefined, "active"], false],
];

for (const [name, handoff, [bootId, startTime, unitState], expected] of rows) {
  test(`isStillRunning() with ${name}: ${expected}`, async () => {
    const context = {
      drivers: {
        processes: {
          identify: () => Promise.resolve({ bootId, startTime }),
          run: () =>
            Promise.resolve({
              code: 0,
              isTimedOut: false,
              isTruncated: false,
              stdout: new TextEncoder().encode(`${unitState}\n`),
              stderr: new Uint8Array(),
            }),
        },
      },
    } as unknown as DeploymentContext;
    assert.equal(await isStillRunning(context, handoff), expected);
  });
}
