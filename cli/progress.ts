import type { DeploymentEvent } from "../lib/deployment/context.ts";
import type { CommandContext } from "./command_context.ts";

const BAR_WIDTH = 30;
/** Bytes between two lines where the size is not known. */
const UNKNOWN_STEP_BYTES = 16 << 20;

/**
 * Shows how a download goes: a bar on a terminal, a line at every tenth elsewhere, records with the
 * numbers in the JSON log.
 */
export function progressPrinter(context: CommandContext): (event: DeploymentEvent) => void {
  const { drivers, logger, options } = context;
  let columns = options.logFormat === "json" ? undefined : drivers.self.terminalColumns("stderr");
  let toldStep = -1;
  return (event) => {
    if (event.type === "phase") {
      toldStep = -1;
      logger.log("debug", `Phase ${event.phase}`, {
        event: "phase",
        deployment: event.deploymentId,
        phase: event.phase,
      });
      return;
    }
    if (event.type !== "progress") return; // the log has its own words for the rest
    const { receivedBytes, totalBytes, bytesPerSecond } = event;
    if (columns !== undefined) {
      const end = receivedBytes === totalBytes ? "\n" : "";
      try {
        const line = bar(receivedBytes, totalBytes, columns, bytesPerSecond);
        drivers.self.writeError(`\r${line.padEnd(columns - 1)}${end}`); // nothing of the last one stays
      } catch (error) {
        columns = undefined; // lines in the log from now on: a download does not fail for its picture
        logger.log("debug", "Cannot draw the progress of the download", {}, error);
      }
      return;
    }
    const step = Math.floor(
      totalBytes ? (receivedBytes / totalBytes) * 10 : receivedBytes / UNKNOWN_STEP_BYTES,
    );
    if (step <= toldStep) return;
    toldStep = step;
    logger.log("info", `Downloading: ${amount(receivedBytes, totalBytes, bytesPerSecond)}`, {
      event: "progress",
      deployment: event.deploymentId,
      received_bytes: receivedBytes,
      total_bytes: totalBytes,
      bytes_per_second: bytesPerSecond,
    });
  };
}

/** One line that shows how much of something is done, no wider than the terminal. */
export function bar(
  done: number,
  total: number | undefined,
  columns: number,
  bytesPerSecond?: number,
): string {
  const text = amount(done, total, bytesPerSecond);
  const width = Math.min(BAR_WIDTH, columns - text.length - 4);
  if (!total || width < 5) return text;
  const filled = Math.round((done / total) * width);
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}] ${text}`;
}

function amount(done: number, total: number | undefined, bytesPerSecond?: number): string {
  const rate = bytesPerSecond === undefined ? "" : `, ${size(bytesPerSecond)}/s`;
  if (!total) return size(done) + rate;
  const percent = Math.floor((done / total) * 100);
  return `${String(percent).padStart(3)} % of ${size(total)}${rate}`;
}

function size(bytes: number): string {
  const isLarge = bytes >= 1 << 20;
  return isLarge ? `${(bytes / 1048576).toFixed(1)} MiB` : `${(bytes / 1024).toFixed(1)} KiB`;
}
