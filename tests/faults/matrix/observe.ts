import assert from "node:assert/strict";
import type { JournalEntry } from "../../../lib/testing/mod.ts";
import { callOf } from "./call.ts";
import { type Life, RETRY_SECONDS } from "./life.ts";
import type { Row, Seen } from "./row.ts";

/** What always lies in the data directory of a device that has nothing to do. */
const USUAL = [
  /^(mender-agent\.pem|device_type|identity_format|identity_fingerprint|control_map_id)$/,
  /^(deployment\.json|daemon\.sock)$/,
  /^deployments\.<n>\.<id>\.log$/,
  /^(sub-updater\.<id>\.started|outcome\.<id>\.json|sub-updater\.log)$/,
  /^\.daemon\.sock\.turn$/,
];

/** What the server sees of a deployment when nothing goes wrong. */
const USUAL_REQUESTS = /^next 200, downloading 204, artifact 200, installing 204, success 204$/;

/** Looks at server, disk and log once a deployment is over, and checks what holds for every row. */
export function observe(life: Life, row: Row, entries: readonly JournalEntry[]): Seen {
  const statuses = life.statuses(life.deploymentId);
  const { end = "success" } = row;
  const ends = end === "reported" ? ["success", "failure"] : [end];
  assert.ok(ends.includes(statuses.at(-1) ?? ""), `wanted ${end}, seen ${statuses}`);
  // No other end than success comes without the fault.
  const strikes = row.strikes ?? (ends.includes("success") ? 1 : 0);
  const struck = life.strikes + (row.strikesSeen?.(life) ?? 0);
  assert.ok(struck >= strikes, `the fault struck ${struck} times, wanted ${strikes}`);
  assert.equal(life.program.code, undefined, "the daemon runs");
  const allowed = row.tellsAgain === true ? /^status \w+ after \w+$/ : /$^/;
  assert.deepEqual(life.violations().filter((violation) => !allowed.test(violation)), []);
  const unusual = life.dataFiles().filter((name) => !USUAL.some((usual) => usual.test(name)));
  return {
    server: row.isByChance === true
      ? "it varies"
      : requests(entries).join(", ").replace(USUAL_REQUESTS, "the usual"),
    disk: unusual.length === 0 ? "nothing left" : [...new Set(unusual)].join(", "),
    status: row.isByChance === true
      ? statuses.at(-1) ?? ""
      : statuses.filter((status, at) => status !== statuses[at - 1]).join(", "),
    action: actionOf(life, row, entries),
  };
}

/** The requests in short: what always comes is left out, what comes again and again is told once. */
function requests(entries: readonly JournalEntry[]): string[] {
  const told: string[] = [];
  let hasBegun = false;
  for (const entry of entries) {
    const text = textOf(entry);
    if (text === "next 204" || text === "inventory 200" || text === told.at(-1)) continue;
    // Sent again once a minute, to ask whether the deployment is still wanted.
    if (text === "downloading 204" && hasBegun) continue;
    hasBegun ||= text === "downloading 204";
    told.push(text);
  }
  return told;
}

function textOf({ path, status, headers, body }: JournalEntry): string {
  const call = callOf({ target: path });
  const answer = status === 0 ? "cut" : String(status);
  if (call === "status") return `${(body as { status?: string })?.status ?? "status"} ${answer}`;
  const range = headers["range"];
  return call === "artifact" && range !== undefined ? `rest ${answer}` : `${call} ${answer}`;
}

/** What the device did next, by log and requests; no wait is longer than configured or asked for. */
function actionOf(life: Life, row: Row, entries: readonly JournalEntry[]): string {
  const asked = row.askedSeconds ?? 0;
  // A wait that the server asks for is spread by up to a tenth: the fleet has been told the same.
  const limit = Math.max(RETRY_SECONDS, 1.1 * asked);
  const did = new Set<string>();
  for (const { message, next_attempt_seconds: next } of life.log) {
    const text = String(message);
    const waits = Number(next ?? /going on in ([\d.]+) s/.exec(text)?.[1] ?? 0);
    assert.ok(waits <= limit, `waits ${waits} s, allowed are ${limit}: ${text}`);
    if (waits > RETRY_SECONDS) did.add(`waits ${asked} s as asked`);
    for (const [words, action] of ACTIONS) if (words.test(text)) did.add(action);
  }
  if (entries.some((entry) => textOf(entry) === "rest 206")) did.add("goes on where it stopped");
  return did.size === 0 ? "goes on" : [...did].join(", ");
}

/** What is left out is up to the runtime: some try once more by themselves when a connection breaks. */
const ACTIONS: readonly (readonly [words: RegExp, action: string])[] = [
  [/The download starts again|fetching it anew/, "fetches it anew"],
  [/asking for another/, "asks for another link"],
  [/The deployment failed/, "reports the failure"],
  [/has taken the deployment back|has ended this deployment/, "stops"],
  [/is kept as/, "sets it aside"],
];
