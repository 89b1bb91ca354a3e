import { statSync } from "node:fs";
import type { HttpExchange } from "../../../../lib/testing/mod.ts";
import { waitUntil } from "../../../support/wait.ts";
import type { Call } from "../call.ts";
import { ARTIFACT, ETAG, type Life, SIZE } from "../life.ts";
import type { Group, Row } from "../row.ts";
import type { Blow } from "../wire.ts";

const WORDS: Record<Blow, string> = {
  reset: "a reset",
  fin: "an early end (FIN)",
  silence: "silence",
  drip: "a drip",
};
const MIDDLE = Math.floor(SIZE / 2);

/** Bytes of an answer that are no whole header of it, nor a whole record of TLS. */
const SOME_BYTES = 12;

/** Has a call made that is not a part of every deployment, or has the deployment end with it. */
function hasCall(call: Call, arm: (life: Life) => void): Pick<Row, "arm" | "end"> {
  return {
    ...(call === "log" && { end: "failure" }),
    arm(life) {
      if (call === "auth") life.server.revokeTokens();
      if (call === "inventory") life.program.kill("SIGUSR2");
      if (call === "log") life.subUpdater.behave("reports failure");
      arm(life);
    },
  };
}

/** The answer to a call is lost; the server does not know. */
function lost(call: Call, blow: Blow, times: number): Row {
  const often = times === 1 ? "" : `, ${times} times`;
  return {
    fault: `${WORDS[blow]} in place of the answer to ${call}${often}`,
    strikes: times,
    ...hasCall(call, (life) =>
      life.on(call, times, () => {
        if (life.wire.strikeOpen(blow) > 0) life.hasStruck();
        return false;
      })),
  };
}

/** The header of the answer to a call does not come whole; the server does not know. */
function lostInHeader(call: Call, blow: Blow): Row {
  return {
    fault: `${WORDS[blow]} in the header of the answer to ${call}`,
    strikes: 1,
    ...hasCall(call, (life) =>
      life.on(call, 1, () => {
        if (life.wire.strikeOpenAfter(SOME_BYTES, blow) > 0) life.hasStruck();
        return false;
      })),
  };
}

/** The answer to a call stops in the middle of what it says. */
function lostInBody(call: Call, blow: Blow): Row {
  return {
    fault: `${WORDS[blow]} in the body of the answer to ${call}`,
    ...hasCall(call, (life) =>
      life.on(call, 1, async (exchange) => {
        await exchange.drain();
        const { passedBytes } = life.wire;
        exchange.start(200, { "content-type": "application/json", "content-length": "1000" });
        await exchange.write(new TextEncoder().encode('{"id":"'));
        await waitUntil("a part of it", () => life.wire.passedBytes > passedBytes);
        life.wire.strikeOpen(blow);
      })),
  };
}

/** The Artifact stops after some bytes. */
function broken(blow: Blow, where: string, bytes: number, times: number): Row {
  const often = times === 1 ? "" : `, ${times} times`;
  return {
    fault: `${WORDS[blow]} ${where} of the Artifact${often}`,
    strikes: times,
    arm: (life) => life.on("artifact", times, (exchange) => sendSome(life, exchange, bytes, blow)),
  };
}

async function sendSome(
  life: Life,
  exchange: HttpExchange,
  bytes: number,
  blow: Blow,
): Promise<void> {
  const first = Number(/^bytes=(\d+)-$/.exec(exchange.headers.get("range") ?? "")?.[1] ?? 0);
  const last = Math.min(first + bytes, SIZE - 1);
  if (first === 0) exchange.start(200, { etag: ETAG, "content-length": `${SIZE}` });
  else {
    exchange.start(206, {
      etag: ETAG,
      "content-range": `bytes ${first}-${SIZE - 1}/${SIZE}`,
      "content-length": `${SIZE - first}`,
    });
  }
  if (last > first) {
    await exchange.write(ARTIFACT.subarray(first, last));
    const { partFile } = life.rig.paths;
    await waitUntil(
      "the bytes",
      () => (statSync(partFile, { throwIfNoEntry: false })?.size ?? 0) >= last,
    );
  }
  life.wire.strikeOpen(blow);
}

const CALLS = ["auth", "inventory", "next", "status", "log"] as const;

/** Silences the next connection, which is a new one. */
function onNewConnection(life: Life, afterBytes?: number): void {
  life.wire.hangUp();
  life.wire.strikeNext("silence", 1, () => life.hasStruck(), afterBytes);
}

/** Connections that break, before, within and behind what they carry. */
export const CONNECTION: Group = {
  title: "Connections",
  rows: [
    {
      fault: "connections are refused for a while",
      arm: (life) => life.wire.close(),
      async during(life) {
        await waitUntil("a refusal", () => life.log.some(({ next_attempt_seconds: at }) => at));
        life.hasStruck();
        await life.wire.open();
      },
    },
    ...(["reset", "fin"] as const).map((blow): Row => ({
      fault: `${WORDS[blow]} before anything is sent, 3 times`,
      strikes: 3,
      arm: (life) => life.wire.strikeNext(blow, 3, () => life.hasStruck()),
    })),
    ...(["auth", "next", "status", "log"] as const).flatMap((call) =>
      (["reset", "fin"] as const).flatMap((blow) => [1, 3].map((times) => lost(call, blow, times)))
    ),
    ...(["reset", "fin"] as const).flatMap((blow) => [
      lost("inventory", blow, 1),
      ...CALLS.map((call) => lostInHeader(call, blow)),
      ...(["auth", "next"] as const).map((call) => lostInBody(call, blow)),
    ]),
    ...(["reset", "fin"] as const).flatMap((blow) =>
      [1, 4].flatMap((times) => [
        broken(blow, "before the first byte", 0, times),
        broken(blow, "behind the first byte", 1, times),
        broken(blow, "in the middle", times === 1 ? MIDDLE : Math.floor(SIZE / 5), times),
        broken(blow, "before the last byte", SIZE, times),
      ])
    ),
    {
      fault: "a drip from the first byte to the last",
      arm: (life) => life.wire.strikeNext("drip", 100, () => life.hasStruck()),
    },
  ],
};

/** Connections on which nothing comes any more. */
export const SILENCE: Group = {
  title: "Silence",
  rows: [
    {
      fault: "silence at the connection, or in its TLS",
      arm: (life) => onNewConnection(life),
    },
    {
      fault: "silence in the middle of what TLS answers, or of the first header",
      arm: (life) => onNewConnection(life, SOME_BYTES),
    },
    ...CALLS.map((call) => lost(call, "silence", 1)),
    // Each takes seconds, and has half of the protocols.
    ...CALLS.map((call): Row => ({ ...lostInHeader(call, "silence"), schemes: ["https"] })),
    ...(["auth", "next"] as const).map((call): Row => ({
      ...lostInBody(call, "silence"),
      schemes: ["http"],
    })),
    broken("silence", "before the first byte", 0, 1),
    broken("silence", "in the middle", MIDDLE, 1),
    broken("silence", "before the last byte", SIZE, 1),
    {
      fault: "half-open: the device's side of the cable is dead while it waits for the outcome",
      during: async (life) => {
        await waitUntil(
          "the start",
          () =>
            life.rig.record()?.phase === "handed_over" ||
            life.rig.record()?.phase === "acknowledged",
        );
        if (life.wire.strikeOpen("silence") > 0) life.hasStruck();
      },
    },
  ],
};
