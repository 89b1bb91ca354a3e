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

/** The answer to a call is lost. */
function lost(call: Call, blow: Blow, times: number): Row {
  const often = times === 1 ? "" : `, ${times} times`;
  return {
    fault: `${WORDS[blow]} in place of the answer to ${call}${often}`,
    arm(life) {
      if (call === "auth") life.server.revokeTokens();
      life.on(call, times, () => {
        life.wire.strikeOpen(blow);
        return false;
      });
    },
  };
}

/** The Artifact stops after some bytes. */
function broken(blow: Blow, where: string, bytes: number, times: number): Row {
  const often = times === 1 ? "" : `, ${times} times`;
  return {
    fault: `${WORDS[blow]} ${where} of the Artifact${often}`,
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

/** Connections that break, before, within and behind what they carry. */
export const CONNECTION: Group = {
  title: "Connections",
  rows: [
    {
      fault: "connections are refused for a while",
      async arm(life) {
        await life.wire.close();
        setTimeout(() => void life.wire.open(), 200);
      },
    },
    ...(["reset", "fin"] as const).map((blow): Row => ({
      fault: `${WORDS[blow]} before anything is sent, 3 times`,
      arm: (life) => life.wire.strikeNext(blow, 3),
    })),
    ...(["auth", "inventory", "next", "status", "log"] as const).flatMap((call) =>
      (["reset", "fin"] as const).flatMap((blow) => [1, 3].map((times) => lost(call, blow, times)))
    ).filter(({ fault }) => !/to (inventory|log)/.test(fault)),
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
      arm: (life) => life.wire.strikeNext("drip", 100),
    },
  ],
};

/** Connections on which nothing comes any more. */
export const SILENCE: Group = {
  title: "Silence",
  // Its limits shall be long beside what a busy machine needs.
  clockFactor: 10,
  rows: [
    {
      fault: "silence at the connection, or in its TLS",
      arm: (life) => life.wire.strikeNext("silence", 1),
    },
    lost("auth", "silence", 1),
    lost("next", "silence", 1),
    lost("status", "silence", 1),
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
        life.wire.strikeOpen("silence");
      },
    },
  ],
};
