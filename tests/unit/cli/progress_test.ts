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

function linesOf(events: readonly { received: number; total?: number; rate?: number }[]) {
  const records: [message: string, fields: unknown][] = [];
  const logger = {
    log: (_: string, message: string, fields: unknown) => void records.push([message, fields]),
  };
  const context = { drivers: {}, logger, options: { logFormat: "json" } };
  const print = progressPrinter(context as unknown as CommandContext);
  for (const { received, total, rate } of events) {
    print({
      type: "progress",
      deploymentId: "1",
      receivedBytes: received,
      totalBytes: total,
      bytesPerSecond: rate,
    });
  }
  return records;
}

test("progressPrinter() logs each tenth with the numbers of the event", () => {
  const events = Array.from({ length: 101 }, (_, n) => ({ received: n * 1000, total: 100_000 }));
  const records = linesOf(events.map((event) => ({ ...event, rate: 2048 })));
  assert.equal(records.length, 11);
  assert.deepEqual(records[3], ["Downloading:  30 % of 97.7 KiB, 2.0 KiB/s", {
    event: "progress",
    deployment: "1",
    received_bytes: 30_000,
    total_bytes: 100_000,
    bytes_per_second: 2048,
  }]);
});

test("progressPrinter() logs every 16 MiB where the size is not known", () => {
  const records = linesOf(Array.from({ length: 41 }, (_, n) => ({ received: n << 20 })));
  assert.deepEqual(records.map(([message]) => message), [
    "Downloading: 0.0 KiB",
    "Downloading: 16.0 MiB",
    "Downloading: 32.0 MiB",
  ]);
});

test("progressPrinter() draws a bar that leaves nothing of the one before", () => {
  const written: string[] = [];
  const self = { terminalColumns: () => 60, writeError: (text: string) => void written.push(text) };
  const context = { drivers: { self }, logger: logRecorder(), options: {} };
  const print = progressPrinter(context as unknown as CommandContext);
  const steps = [[30], [50, 123_456], [100, 1]] as const;
  for (const [receivedBytes, bytesPerSecond] of steps) {
    print({ type: "progress", deploymentId: "1", receivedBytes, totalBytes: 100, bytesPerSecond });
  }
  assert.ok(written.every((text) => text.replace("\n", "").length === 60), written.join("|"));
  assert.match(written[1]!, /^\r\[#+-+\] {2}50 % of 0\.1 KiB, 120\.6 KiB\/s *$/);
  assert.match(written[2]!, /100 %.*\n$/);
});
