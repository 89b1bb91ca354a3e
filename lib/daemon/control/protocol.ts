/**
 * The protocol of `daemon.sock`: one JSON object a line, requests of a client answered in their order. See
 * `docs/control_socket.md`.
 */
import * as v from "valibot";
import { isDeploymentId } from "../../core/deployment_id.ts";
import { type JsonObject, parsedJson } from "../../core/json.ts";

/** Version of the protocol; each request names it. */
export const CONTROL_VERSION = 1;

/** Longest line that is read. */
export const MAX_LINE_LENGTH = 65536;

/** Statuses that a sub-updater may announce. */
export const ANNOUNCED_STATUSES = ["installing", "rebooting"] as const;

/** Points at which a sub-updater may be held. */
export const SUB_UPDATER_STATES = ["ArtifactReboot_Enter", "ArtifactCommit_Enter"] as const;

const idSchema = v.pipe(v.string(), v.check(isDeploymentId));

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

const requestSchema: v.GenericSchema<unknown, ControlRequest> = v.variant("do", [
  v.object({
    v: v.literal(CONTROL_VERSION),
    do: v.picklist(["hello", "status", "check-update", "send-inventory"]),
  }),
  v.object({ v: v.literal(CONTROL_VERSION), do: v.literal("follow") }),
  v.object({ v: v.literal(CONTROL_VERSION), do: v.literal("report"), deployment: idSchema }),
  v.object({
    v: v.literal(CONTROL_VERSION),
    do: v.literal("announce"),
    deployment: idSchema,
    status: v.picklist(ANNOUNCED_STATUSES),
  }),
  v.object({ v: v.literal(CONTROL_VERSION), do: v.literal("set-map"), map: v.string() }),
  v.object({
    v: v.literal(CONTROL_VERSION),
    do: v.literal("gate"),
    deployment: idSchema,
    state: v.picklist(SUB_UPDATER_STATES),
    since: v.optional(v.string()),
  }),
]);

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
  const parsed = v.safeParse(requestSchema, parsedJson(line));
  return parsed.success ? parsed.output : undefined;
}

/** Reads an answer; `undefined` when the line is none. */
export function parseAnswer(line: string): ControlAnswer | undefined {
  const schema = v.variant("ok", [
    v.looseObject({ ok: v.literal(true) }),
    v.object({ ok: v.literal(false), code: v.string(), message: v.string() }),
  ]);
  const parsed = v.safeParse(schema, parsedJson(line));
  return parsed.success ? parsed.output as ControlAnswer : undefined;
}
