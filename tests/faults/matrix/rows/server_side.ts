import { setTimeout as delay } from "node:timers/promises";
import { waitUntil } from "../../../support/wait.ts";
import type { Call } from "../call.ts";
import { type Life, ROW_LIMIT_MS } from "../life.ts";
import type { Group, Row } from "../row.ts";
import { whileHeld } from "./held.ts";
import { inTheMiddle } from "./in_the_middle.ts";

/** Calls of a deployment, with the number of the request among those of its kind. */
const PHASES: readonly (readonly [name: string, call: Call, number: number])[] = [
  ["next", "next", 1],
  ["the status `downloading`", "status", 1],
  ["the Artifact", "artifact", 1],
  ["the status `installing`", "status", 2],
  ["the report", "status", 3],
];

/** Does something when the server is about to answer a call, which it does afterwards. */
function at(
  [, call, number]: typeof PHASES[number],
  life: Life,
  act: () => void | Promise<void>,
): void {
  life.on(call, number, async (_exchange, seen) => {
    if (seen !== number) return false;
    life.hasStruck();
    await act();
    return false;
  });
}

/** What may come in place of a token, with the status 200. */
const MALFORMED: readonly (readonly [words: string, token: string])[] = [
  ["with a line break in it", "e30.e30.AAAA\r\nx-more: 1"],
  ["that the server has not made", "e30.e30.AAAA"],
];

/** Tokens that the server does not take any more, or that are none. */
export const TOKENS: Group = {
  title: "Tokens",
  rows: [
    ...PHASES.map((phase): Row => ({
      fault: `the token is revoked before ${phase[0]}`,
      arm: (life) => at(phase, life, () => life.server.revokeTokens()),
    })),
    ...MALFORMED.flatMap(([words, token]) =>
      PHASES.map((phase): Row => ({
        fault: `the token is revoked before ${phase[0]}, and one comes ${words}`,
        family: `the token is revoked before …, and one comes ${words}`,
        member: phase[0],
        isLight: true,
        strikes: 2,
        arm: (life) =>
          at(phase, life, () => {
            life.server.revokeTokens();
            life.on("auth", 1, async (exchange) => {
              await exchange.drain();
              await exchange.reply(200, { "content-type": "application/jwt" }, token);
            });
          }),
      }))
    ),
  ],
};

/** Tokens that hardly live. */
export const SHORT_TOKENS: Group = {
  title: "Tokens that live for a second",
  tokenLifeSeconds: 1,
  rows: PHASES.slice(1).map((phase) => ({
    fault: `the token expires before ${phase[0]}`,
    isByChance: true,
    isLight: true,
    // It is the server's clock that counts, which is that of the world.
    arm: (life) => at(phase, life, () => delay(1100)),
  })),
};

function abort(life: Life): void {
  life.server.abortDeployment(life.deploymentId);
  life.hasStruck();
}

/** Deployments that the operator aborts. */
export const ABORTS: Group = {
  title: "Aborted deployments",
  config: { UpdateControlMapExpirationTimeSeconds: 36_000 },
  rows: [
    ...PHASES.slice(1).map((phase): Row => ({
      fault: `the deployment is aborted before ${phase[0]}`,
      end: "aborted",
      arm: (life) => at(phase, life, () => abort(life)),
    })),
    {
      fault: "the deployment is aborted in the middle of the download",
      end: "aborted",
      arm: (life) => inTheMiddle(life, () => abort(life)),
    },
    {
      fault: "the deployment is aborted while update control holds it",
      end: "aborted",
      ...whileHeld(async (life) => {
        const isTold = (): boolean =>
          life.statuses(life.deploymentId).includes("pause_before_installing");
        await waitUntil("that it is told", isTold, ROW_LIMIT_MS);
        abort(life);
      }),
    },
    {
      fault: "the deployment is aborted while the sub-updater works",
      end: "aborted",
      arm: (life) => life.subUpdater.behave("does nothing"),
      during: async (life) => {
        await handedOver(life);
        abort(life);
        await life.run("report", "--success");
      },
    },
  ],
};

/** The server goes, and comes again, or another one does. */
export const RESTARTS: Group = {
  title: "Servers that are started again",
  rows: [
    ...(["the Artifact", "the status `installing`"] as const).map((name): Row => ({
      fault: `the server is started again before ${name}, and keeps its state`,
      arm: (life) => {
        const phase = PHASES.find(([each]) => each === name)!;
        life.on(phase[1], phase[2], (exchange, number) => {
          if (number !== phase[2]) return false;
          exchange.cut();
          void life.restartServer("keeps its state");
        });
      },
    })),
    {
      fault: "the server is started again while the sub-updater works, and keeps its state",
      arm: (life) => life.subUpdater.behave("does nothing"),
      during: async (life) => {
        await handedOver(life);
        await life.restartServer("keeps its state");
        await life.run("report", "--success");
      },
    },
    {
      fault: "another server that knows nothing takes its place while the sub-updater works",
      // Another server has another authority.
      schemes: ["http"],
      arm: (life) => life.subUpdater.behave("does nothing"),
      during: async (life) => {
        await handedOver(life);
        await life.restartServer("knows nothing");
        await life.run("report", "--success");
        await deployThere(life);
      },
    },
    {
      fault: "another server that knows nothing takes its place while the Artifact is fetched",
      schemes: ["http"],
      arm: (life) => life.on("artifact", 1000, (exchange) => exchange.cut()),
      during: async (life) => {
        await waitUntil("the download", () => life.strikes > 0);
        await life.restartServer("knows nothing");
        await deployThere(life);
      },
    },
  ],
};

/** The other server lets the device in, and has a deployment for it. */
async function deployThere(life: Life): Promise<void> {
  await waitUntil("the device there", () => life.server.devices().length > 0, ROW_LIMIT_MS);
  await life.isIdle();
  life.subUpdater.behave("reports success");
  life.deploymentId = life.deploy("release-2");
}

/** Waits until the sub-updater has the deployment. */
export async function handedOver(life: Life): Promise<void> {
  const before = life.deploymentId;
  await waitUntil("the hand-off", () => {
    const record = life.rig.record();
    return record?.id === before && record.phase === "handed_over";
  });
}
