import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type Credential, DAY_MS, TestAuthority } from "../../../support/certificates.ts";
import { waitUntil } from "../../../support/wait.ts";
import type { LogLine } from "../device_program.ts";
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

/** Who answers in place of the server, and must hear nothing. */
interface Impostor {
  readonly port: number;
  /** Ends it. Throws when it was asked for something. */
  leave(): Promise<void>;
}

async function openImpostor({ certificate, key }: Credential): Promise<Impostor> {
  let asked = 0;
  const server = createServer({ cert: certificate, key }, (_request, response) => {
    asked++;
    response.end("{}");
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async leave() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      if (asked > 0) throw new Error("the impostor was asked something");
    },
  };
}

/** Somebody else answers in place of the server for a while. */
function impostor(words: string, make: () => Credential): Row {
  return {
    fault: `the server's certificate ${words}, for a while`,
    schemes: ["https"],
    async arm(life) {
      const stranger = await openImpostor(make());
      // Servers of one process can resume each other's TLS sessions: no session may be left from before.
      await life.stopDaemon();
      life.wire.leadTo(stranger.port);
      life.startDaemon();
      const left = impostorLeaves(life, stranger);
      left.catch(() => {}); // told by whoever waits for it
      leaving.set(life, left);
    },
    during: (life) => leaving.get(life),
    // It is logged in plain words, with the clock where it may be the cause.
  };
}

const linked = new WeakMap<Life, Impostor>();

/** The link leads to somebody else, twice. */
function behindLink(words: string, make: () => Credential): Row {
  return {
    fault: `the link leads to a server whose certificate ${words}, twice`,
    schemes: ["https"],
    strikes: 2,
    async arm(life) {
      const stranger = await openImpostor(make());
      linked.set(life, stranger);
      // Another name than that of the server: a TLS session with that could be resumed.
      const location = `https://localhost:${stranger.port}/x`;
      life.on("artifact", 2, (exchange) => exchange.reply(302, { location }));
    },
    repair: (life) => linked.get(life)?.leave(),
  };
}

const leaving = new WeakMap<Life, Promise<void>>();

async function impostorLeaves(life: Life, stranger: Impostor): Promise<void> {
  const isRefusal = (line: LogLine): boolean => /certificate/.test(String(line["causes"]));
  await waitUntil("a refusal", () => life.log.some(isRefusal));
  life.hasStruck();
  life.wire.leadTo(Number(new URL(life.server.url).port));
  await stranger.leave();
}

/** Certificates that must not be trusted. */
export const TRUST: Group = {
  title: "Certificates",
  rows: [impostor, behindLink].flatMap((play) =>
    CERTIFICATES.map(([words, make]) => play(words, make))
  ),
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
