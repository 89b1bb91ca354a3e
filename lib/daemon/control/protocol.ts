/**
 * The protocol of `daemon.sock`: one JSON object a line, requests of a client answered in their order. See
 * `docs/control_socket.md`.
 */
import { isDeploymentId } from "../../core/deployment_id.ts";
import { isJsonObject, type JsonObject, parsedJson } from "../../core/json.ts";
import {
  look,
  object,
  oneOf,
  optional,
  type Shape,
  text,
  textThat,
  variant,
} from "../../core/shape.ts";

/** Version of the protocol; each request names it. */
export const CONTROL_VERSION = 1;

/** Longest line that is read. */
export const MAX_LINE_LENGTH = 65536;

/** Statuses that a sub-updater may announce. */
export const ANNOUNCED_STATUSES = ["installing", "rebooting"] as const;

/** Points at which a sub-updater may be held. */
export const SUB_UPDATER_STATES = ["ArtifactReboot_Enter", "ArtifactCommit_Enter"] as const;

/**
 * What a client may ask. `hello`: who is there. `status`: how it stands. `follow`: how it
 * stands, and what happens from now on. `check-update`, `send-inventory`:
 * do it now, not at the next interval. `report`: an outcome was recorded, deliver it.
 * `announce`: tell the server a status that is not final. `set-map`: put an Update Control Map in.
 * `gate`: may the sub-updater pass a point, or, with `since`, once that may have changed.
 */
export type ControlRequest =
  | { readonly v: 1; readonly do: "hello" | "status" | "check-update" | "send-inventory" }
  | { readonly v: 1; readonly do: "follow" }
  | { readonly v: 1; readonly do: "report"; readonly deployment: string }
  | {
    readonly v: 1;
    readonly do: "announce";
    readonly deployment: string;
    readonly status: typeof ANNOUNCED_STATUSES[number];
  }
  | { readonly v: 1; readonly do: "set-map"; readonly map: string }
  | {
    readonly v: 1;
    readonly do: "gate";
    readonly deployment: string;
    readonly state: typeof SUB_UPDATER_STATES[number];
    readonly since?: string | undefined;
  };

const VERSION = oneOf(CONTROL_VERSION);
const DEPLOYMENT = textThat("the ID of a deployment", isDeploymentId);

const REQUEST: Shape<ControlRequest> = variant("do", {
  "hello": object({ v: VERSION, do: oneOf("hello") }),
  "status": object({ v: VERSION, do: oneOf("status") }),
  "check-update": object({ v: VERSION, do: oneOf("check-update") }),
  "send-inventory": object({ v: VERSION, do: oneOf("send-inventory") }),
  "follow": object({ v: VERSION, do: oneOf("follow") }),
  "report": object({ v: VERSION, do: oneOf("report"), deployment: DEPLOYMENT }),
  "announce": object({
    v: VERSION,
    do: oneOf("announce"),
    deployment: DEPLOYMENT,
    status: oneOf(...ANNOUNCED_STATUSES),
  }),
  "set-map": object({ v: VERSION, do: oneOf("set-map"), map: text() }),
  "gate": object({
    v: VERSION,
    do: oneOf("gate"),
    deployment: DEPLOYMENT,
    state: oneOf(...SUB_UPDATER_STATES),
    since: optional(text()),
  }),
});

const REFUSAL = object({ ok: oneOf(false), code: text(), message: text() });

/** An answer; `ok: false` carries a stable code and a sentence. */
export type ControlAnswer =
  | { readonly ok: true } & JsonObject
  | { readonly ok: false; readonly code: string; readonly message: string };

/** What `follow` is answered with: how it stands, then one line for each event, `{"ok":true,"event":...}`. */
export interface ControlFeed {
  /** The first line. */
  readonly answer: ControlAnswer;
  /** What follows, until one of both sides ends it. */
  readonly events: AsyncIterableIterator<object>;
}

/** A line of the protocol, as it is sent. */
export function controlLine(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value) + "\n");
}

/** Reads a request; `undefined` when the line is none. */
export function parseRequest(line: string): ControlRequest | undefined {
  const found = look(REQUEST, parsedJson(line));
  return found.isFit ? found.value : undefined;
}

/** Reads an answer; `undefined` when the line is none. */
export function parseAnswer(line: string): ControlAnswer | undefined {
  const value = parsedJson(line);
  if (isJsonObject(value) && value["ok"] === true) return value as ControlAnswer;
  const found = look(REFUSAL, value);
  return found.isFit ? found.value : undefined;
}
