import type { Call } from "../call.ts";
import type { Life } from "../life.ts";
import type { End, Group, Row } from "../row.ts";

const STATUSES = [
  ...[300, 301, 302, 303, 304, 305, 307, 308],
  ...[400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417],
  ...[418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451],
  ...[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511],
];

/** Seconds that the server asks to wait for; more than the device would by itself. */
const ASKED_SECONDS = 8;

/** A place at which the server answers something else, once. */
interface Place {
  readonly name: string;
  readonly call: Call;
  /** Which of the calls of a deployment it is, from 1. */
  readonly number?: number;
  readonly end?: (status: number) => End;
  readonly arm?: (life: Life) => void;
  /** Who delivers is up to chance: `report` at once, or the daemon after its wait. */
  readonly isPlain?: boolean;
  /** Whether it is told once more, or left out, is up to chance: the deployment does not wait for it. */
  readonly isByChance?: boolean;
}

/** Statuses of the download after which no further request can help. */
const isFinal = (status: number): boolean =>
  status >= 400 && status < 500 && ![403, 404, 408, 429, 416].includes(status);

const PLACES: readonly Place[] = [
  { name: "auth", call: "auth", arm: (life) => life.server.revokeTokens() },
  { name: "inventory", call: "inventory", arm: (life) => life.program.kill("SIGUSR2") },
  { name: "next", call: "next" },
  { name: "artifact", call: "artifact", end: (status) => isFinal(status) ? "failure" : "success" },
  { name: "status `downloading`", call: "status", number: 1, isByChance: true },
  { name: "status `installing`", call: "status", number: 2, isByChance: true },
  { name: "status `success`", call: "status", number: 3, isPlain: true },
  {
    name: "log",
    call: "log",
    isPlain: true,
    end: () => "failure",
    arm: (life) => life.subUpdater.behave("reports failure"),
  },
];

function rowOf(place: Place, status: number, isAsking: boolean): Row {
  const { name, call, number = 1, end, arm } = place;
  return {
    fault: `${name} is answered ${status}${isAsking ? ", with Retry-After" : ""}`,
    family: `${name} is answered …${isAsking ? ", with Retry-After" : ""}`,
    member: String(status),
    // Each protocol has half of the table.
    schemes: [isAsking ? "https" : "http"],
    isLight: true,
    ...(place.isByChance === true && { isByChance: true }),
    ...(end !== undefined && { end: end(status) }),
    ...(isAsking && { askedSeconds: ASKED_SECONDS }),
    arm(life) {
      arm?.(life);
      life.on(call, number, async (exchange, at) => {
        if (at !== number) return false;
        await exchange.drain();
        const headers: Record<string, string> = isAsking
          ? { "retry-after": String(ASKED_SECONDS) }
          : {};
        await exchange.reply(status, headers, '{"error":"a test"}');
        return true;
      });
    },
  };
}

/** Every status of an error or a redirect, at every call, with and without Retry-After. */
export const STATUS_GROUPS: readonly Group[] = PLACES.map((place) => ({
  title: `Statuses: ${place.name}`,
  // A download ends a silence after 30 s, which a busy machine must not take for one.
  clockFactor: place.call === "artifact" ? 20 : 40,
  rows: STATUSES.flatMap((status) => [false, true].map((asks) => rowOf(place, status, asks))),
}));
