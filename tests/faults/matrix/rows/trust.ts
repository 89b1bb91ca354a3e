import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Credential, DAY_MS, TestAuthority } from "../../../support/certificates.ts";
import { waitUntil } from "../../../support/wait.ts";
import { type Life, TRUSTED } from "../life.ts";
import type { Group, Row } from "../row.ts";

const UNKNOWN = new TestAuthority("An unknown authority");
const YEAR_MS = 365 * DAY_MS;

const CERTIFICATES: readonly (readonly [words: string, make: () => Credential])[] = [
  [
    "has expired, as for a clock in 2080",
    () => TRUSTED.issue({ validity: { from: Date.now() - 9 * YEAR_MS, to: Date.now() - YEAR_MS } }),
  ],
  [
    "is not valid yet, as for a clock in 1970",
    () => TRUSTED.issue({ validity: { from: Date.now() + YEAR_MS, to: Date.now() + 9 * YEAR_MS } }),
  ],
  ["is for another host", () => TRUSTED.issue({ names: ["other.example"] })],
  ["is of an unknown authority", () => UNKNOWN.issue()],
];

/** Somebody else answers in place of the server for a while, and hears nothing. */
function impostor(words: string, make: () => Credential): Row {
  return {
    fault: `the server's certificate ${words}, for a while`,
    schemes: ["https"],
    async arm(life) {
      const { certificate, key } = make();
      let asked = 0;
      const server = createServer({ cert: certificate, key }, (_request, response) => {
        asked++;
        response.end("{}");
      });
      server.on("tlsClientError", () => {});
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      life.wire.leadTo((server.address() as AddressInfo).port);
      life.program.kill("SIGUSR1");
      void impostorLeaves(life, async () => {
        if (asked > 0) throw new Error("the impostor was asked something");
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
      });
    },
    during: (life) => leaving.get(life),
    // It is logged in plain words, with the clock where it may be the cause.
  };
}

const leaving = new WeakMap<Life, Promise<void>>();

function impostorLeaves(life: Life, leave: () => Promise<void>): Promise<void> {
  const left = (async () => {
    await waitUntil("a refusal", () => life.log.some(({ next_attempt_seconds: next }) => next));
    life.hasStruck();
    life.wire.leadTo(Number(new URL(life.server.url).port));
    await leave();
  })();
  leaving.set(life, left);
  return left;
}

/** Certificates that must not be trusted. */
export const TRUST: Group = {
  title: "Certificates",
  rows: CERTIFICATES.map(([words, make]) => impostor(words, make)),
};

/** Names that lead nowhere. */
export const WAYS: Group = {
  title: "Names",
  rows: (["http", "https"] as const).map((scheme): Row => ({
    fault: `the link leads to a host that there is not, twice (${scheme})`,
    schemes: [scheme],
    strikes: 2,
    arm: (life) =>
      life.on(
        "artifact",
        2,
        (exchange) => exchange.reply(302, { location: `${scheme}://nowhere.invalid/x` }),
      ),
  })),
};
