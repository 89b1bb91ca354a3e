import type { Life } from "../life.ts";
import type { Group, Row } from "../row.ts";
import { whileHeld } from "./held.ts";
import { inTheMiddle } from "./in_the_middle.ts";
import { handedOver } from "./server_side.ts";

const HOUR_MS = 3_600_000;
const FIFTY_YEARS_MS = 50 * 365 * 24 * HOUR_MS;

const EVENTS: readonly (readonly [words: string, happens: (life: Life) => void])[] = [
  [
    "the wall clock jumps forward by fifty years",
    (life) => void (life.clockIsOffBy.wall += FIFTY_YEARS_MS),
  ],
  [
    "the wall clock jumps back by fifty years",
    (life) => void (life.clockIsOffBy.wall -= FIFTY_YEARS_MS),
  ],
  ["the machine sleeps for an hour", (life) => {
    life.clockIsOffBy.wall += HOUR_MS;
    life.clockIsOffBy.monotonic += HOUR_MS;
  }],
];

const MOMENTS: readonly (readonly [
  words: string,
  at: (happens: (life: Life) => void) => Pick<Row, "arm" | "during">,
])[] = [
  ["in the middle of the download", (happens) => ({
    arm: (life) => inTheMiddle(life, () => happens(life)),
  })],
  ["while update control holds the deployment", whileHeld],
  ["while the sub-updater works", (happens) => ({
    arm: (life) => life.subUpdater.behave("does nothing"),
    during: async (life) => {
      await handedOver(life);
      happens(life);
      await life.run("report", "--success");
    },
  })],
];

/** The clock of a machine without a battery, or of one with a wrong one. */
function shows(year: number): Row {
  return {
    fault: `the wall clock shows ${year}`,
    arm(life) {
      life.clockIsOffBy.wall = Date.UTC(year, 0) - Date.now();
      life.hasStruck();
    },
    repair: setRight,
  };
}

function setRight(life: Life): void {
  life.clockIsOffBy.wall = 0;
}

/** Clocks that jump, and machines that sleep. */
export const TIME: Group = {
  title: "Time",
  // A map lives for two polls otherwise, which is less than an hour.
  config: { UpdateControlMapExpirationTimeSeconds: 36_000 },
  rows: [
    ...MOMENTS.flatMap(([when, at]) =>
      EVENTS.map(([words, happens]): Row => ({
        fault: `${words} ${when}`,
        repair: setRight,
        ...at((life) => {
          life.hasStruck();
          happens(life);
        }),
      }))
    ),
    shows(1970),
    shows(2080),
  ],
};
