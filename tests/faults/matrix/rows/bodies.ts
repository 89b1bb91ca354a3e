import type { HttpExchange } from "../../../../lib/testing/mod.ts";
import { gzipSync } from "node:zlib";
import type { Call } from "../call.ts";
import type { Group, Row } from "../row.ts";

type Answer = (exchange: HttpExchange) => Promise<void>;

const text = (body: string | Uint8Array, status = 200): Answer => (exchange) =>
  exchange.reply(status, { "content-type": "application/json" }, body);

/** Sends without end. */
const endless: Answer = async (exchange) => {
  exchange.start(200, { "content-type": "application/json" });
  const chunk = new Uint8Array(65_536).fill(0x20);
  while (await exchange.write(chunk));
};

const BOMB = gzipSync(new Uint8Array(64 << 20), { level: 9 });

const offer = (change: Record<string, unknown>): string =>
  JSON.stringify({
    id: "0f6b8c1e-2f3a-4e5d-9c8b-7a6f5e4d3c2b",
    artifact: {
      artifact_name: "release-2",
      device_types_compatible: ["acme-box"],
      source: { uri: "http://127.0.0.1:1/x" },
    },
    ...change,
  });

const BODIES: readonly (readonly [name: string, answer: Answer])[] = [
  ["nothing", text("")],
  ["no JSON", text("<html>busy</html>")],
  ["half of a JSON text", text('{"id":"0f6b8c1e-2f3a')],
  ["`null`", text("null")],
  ["a list", text("[]")],
  ["a number", text("12")],
  ["an object without keys", text("{}")],
  ["ten thousand brackets", text("[".repeat(10_000))],
  ["bytes that are no text", text(new Uint8Array(2000).map((_, at) => at * 7))],
  ["2 MiB", text("x".repeat(2 << 20))],
  ["an answer without end", endless],
  [
    "64 MiB in 64 KiB of gzip",
    (exchange) => exchange.reply(200, { "content-encoding": "gzip" }, BOMB),
  ],
  [
    "an encoding that there is not",
    (exchange) => exchange.reply(200, { "content-encoding": "zebra" }, "{}"),
  ],
  ["an announced length of a terabyte", async (exchange) => {
    exchange.start(200, { "content-length": "1099511627776" });
    await exchange.write(new Uint8Array(10));
    exchange.cut();
  }],
];

const OFFERS: readonly (readonly [name: string, body: string])[] = [
  ["an ID that leads elsewhere", offer({ id: "../../etc/passwd" })],
  ["an empty ID", offer({ id: "" })],
  ["a number for an ID", offer({ id: 7 })],
  ["no Artifact", offer({ artifact: null })],
  [
    "no name",
    offer({ artifact: { device_types_compatible: ["a"], source: { uri: "http://a/" } } }),
  ],
  [
    "a `file:` link",
    offer({
      artifact: {
        artifact_name: "release-2",
        device_types_compatible: ["acme-box"],
        source: { uri: "file:///etc/passwd" },
      },
    }),
  ],
  [
    "a link that is no address",
    offer({
      artifact: {
        artifact_name: "release-2",
        device_types_compatible: ["acme-box"],
        source: { uri: "nowhere" },
      },
    }),
  ],
];

function instead(call: Call, name: string, answer: Answer): Row {
  return {
    fault: `${name} in place of the answer to ${call}, 3 times`,
    family: `… in place of the answer to ${call}, 3 times`,
    member: name,
    isLight: true,
    // Whether a status is told once more is up to chance: the deployment does not wait for it.
    ...(call === "status" && { isByChance: true }),
    arm(life) {
      if (call === "auth") life.server.revokeTokens();
      if (call === "inventory") life.program.kill("SIGUSR2");
      life.on(call, 3, async (exchange) => {
        await exchange.drain();
        await answer(exchange);
      });
    },
  };
}

/** Answers that say "all is well" over a body that is not what it should be. */
export const BODIES_GROUP: Group = {
  title: "Bodies of answers",
  rows: [
    ...(["auth", "next"] as const).flatMap((call) =>
      BODIES.map(([name, answer]) => instead(call, name, answer))
    ),
    ...OFFERS.map(([name, body]) => instead("next", name, text(body))),
    ...(["inventory", "status"] as const).map((call) =>
      instead(call, "an answer without end", endless)
    ),
  ],
};
