import type { DeploymentLogMessage } from "../api/deployment_calls.ts";
import { isJsonObject } from "../core/json.ts";

/** Most that is uploaded; servers refuse bodies over 1 MiB. */
const MAX_UPLOAD_BYTES = 768 * 1024;
/** Longest line; progress bars that never end theirs must not push everything else out. */
const MAX_LINE_LENGTH = 16 * 1024;

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/**
 * Makes the messages of a log upload: the client's own log, then what the sub-updater wrote. The
 * oldest lines are left out when all would be too much; there is always at least one message.
 *
 * @param ownLog JSON lines as the deployment log holds them; what is no record is passed as text.
 * @param subUpdaterLog Free text.
 * @param timestamp RFC 3339, for lines that carry none.
 * @see device-api section 5
 */
export function logMessages(
  ownLog: string,
  subUpdaterLog: string,
  timestamp: string,
): DeploymentLogMessage[] {
  const messages = [
    ...nonBlankLines(ownLog).map((line) => messageOfRecord(line, timestamp)),
    ...nonBlankLines(subUpdaterLog).map((message) => ({ timestamp, level: "info", message })),
  ].map((each) => ({ ...each, message: shortened(each.message) }));
  const kept: DeploymentLogMessage[] = [];
  let room = MAX_UPLOAD_BYTES;
  for (let at = messages.length - 1; at >= 0; at--) {
    room -= new TextEncoder().encode(JSON.stringify(messages[at])).length + 1;
    if (room < 0) {
      kept.push({ timestamp, level: "warning", message: `${at + 1} older lines were left out` });
      break;
    }
    kept.push(messages[at]!);
  }
  if (kept.length === 0) kept.push({ timestamp, level: "info", message: "Nothing was logged" });
  return kept.reverse();
}

function nonBlankLines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function messageOfRecord(line: string, now: string): DeploymentLogMessage {
  const record = parseObject(line);
  const text = (name: string): string => typeof record?.[name] === "string" ? record[name] : "";
  const causes = Array.isArray(record?.["causes"]) ? record["causes"].map(String) : [];
  const message = [text("message"), ...causes].filter((part) => part !== "").join(": ");
  if (message === "") return { timestamp: now, level: "info", message: line };
  // One time stamp that is none makes the server refuse them all.
  const timestamp = RFC_3339.test(text("timestamp")) ? text("timestamp") : now;
  return { timestamp, level: text("level") || "info", message };
}

function shortened(text: string): string {
  return text.length > MAX_LINE_LENGTH ? `${text.slice(0, MAX_LINE_LENGTH)}\u2026` : text;
}

function parseObject(line: string): { [key: string]: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined; // a line cut by a power loss is passed on as text
  }
}
