import assert from "node:assert/strict";
import type { CommandContext } from "../../../cli/command_context.ts";
import { progressPrinter } from "../../../cli/progress.ts";
import { logRecorder } from "../../support/log_recorder.ts";
import { test } from "../../support/test.ts";

test("progressPrinter() goes on in the log when the terminal is gone", () => {
  const logger = logRecorder();
  const self = {
    terminalColumns: () => 80,
    writeError: () => {
      throw Object.assign(new Error("EIO: write"), { code: "EIO" });
    },
  };
  const print = progressPrinter(
    { drivers: { self }, logger, options: {} } as unknown as CommandContext,
  );
  for (const receivedBytes of [10, 50, 100]) {
    print({ type: "progress", deploymentId: "1", receivedBytes, totalBytes: 100 });
  }
  assert.match(logger.all(), /Cannot draw the progress[^]*Downloading: {2}50 %[^]*100 %/);
});
