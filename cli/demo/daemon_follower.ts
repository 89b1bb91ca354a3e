import { isJsonObject, type JsonObject } from "../../lib/core/json.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import type { Timeline } from "./timeline.ts";

/** A daemon that runs as a process of its own, and is shown on the timeline. */
export interface FollowedDaemon {
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Why nothing more is to be expected of it; `undefined` while it runs or when it ended well. */
  readonly failure: () => Error | undefined;
  /** The last thing that it complained about. */
  readonly lastError: () => string;
  /** Ends it, if it still runs. */
  readonly stop: () => void;
}

/** Starts a daemon and tells the main events of its log. */
export function followDaemon(
  drivers: Drivers,
  timeline: Timeline,
  command: readonly string[],
): FollowedDaemon {
  const [program = "", ...args] = command;
  const child = drivers.processes.start({
    command: program,
    args: [...args, "--log-format", "json"],
  });
  let lastError = "no message";
  let end: number | string | undefined;
  const follow = async (): Promise<number | string> => {
    for await (const { text } of child.lines) {
      const record = parseRecord(text);
      if (record === undefined) lastError = text === "" ? lastError : text;
      else if (isComplaint(record)) lastError = fullText(record);
      if (record !== undefined) tell(timeline, record);
    }
    const { code, signal } = await child.ended;
    return end = code ?? signal ?? "no exit code";
  };
  return {
    ended: follow(),
    failure: () =>
      end === undefined || end === 0
        ? undefined
        : new Error(`The daemon ended with ${end}: ${lastError}`),
    lastError: () => lastError,
    stop: () => {
      if (end === undefined) child.kill("SIGTERM");
    },
  };
}

function tell(timeline: Timeline, record: JsonObject): void {
  const message = String(record["message"]);
  if (record["event"] === "progress") {
    timeline.progress(Number(record["received_bytes"]), Number(record["total_bytes"]));
  } else if (record["deployment"] !== undefined && record["level"] !== "debug") {
    timeline.tell("device", fullText(record));
  } else if (isComplaint(record)) {
    timeline.tell("device", `${record["level"]}: ${fullText(record)}`);
  } else if (/^(Authorised|Not accepted)/.test(message)) {
    timeline.tell("device", message);
  }
}

function parseRecord(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) && typeof value["message"] === "string" ? value : undefined;
  } catch {
    return undefined; // a line of the runtime, not of the daemon
  }
}

function isComplaint(record: JsonObject): boolean {
  return ["warning", "error", "fatal"].includes(String(record["level"]));
}

function fullText(record: JsonObject): string {
  const causes = Array.isArray(record["causes"]) ? record["causes"] : [];
  return [record["message"], ...causes].join(": ");
}
