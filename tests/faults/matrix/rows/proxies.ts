import type { Life } from "../life.ts";
import type { Refusal } from "../proxy.ts";
import type { Group, Row, Scheme } from "../row.ts";

interface Misbehaviour {
  readonly words: string;
  readonly refusal: Refusal;
  readonly schemes?: readonly Scheme[];
}

const TUNNELS: Pick<Misbehaviour, "schemes"> = { schemes: ["https"] };

/** The last two take a tunnel, which is for https alone. */
const MISBEHAVIOUR: readonly Misbehaviour[] = [
  ...[403, 407, 502, 503].map((status): Misbehaviour => ({
    words: `answers ${status}`,
    refusal: { does: "answers", status },
  })),
  { words: "closes at once", refusal: { does: "closes" } },
  { words: "answers nonsense", refusal: { does: "answers nonsense" } },
  { words: "hangs", refusal: { does: "hangs" } },
  { words: "closes behind CONNECT", refusal: { does: "closes behind" }, ...TUNNELS },
  { words: "hangs behind CONNECT", refusal: { does: "hangs behind" }, ...TUNNELS },
];

/** What hangs is waited for. */
const timesOf = (words: string): number => words.startsWith("hangs") ? 1 : 2;
const WORDS: Readonly<Record<number, string>> = { 1: "once", 2: "twice" };

function refusing({ words, refusal, schemes }: Misbehaviour, isLate: boolean): Row {
  const times = timesOf(words);
  const refuseAnew = (life: Life): void => {
    life.proxy!.refuse(refusal, times, () => life.hasStruck());
    // All that is open would go on being used.
    life.proxy!.hangUp();
  };
  return {
    fault: `the proxy ${words}, ${WORDS[times]}${isLate ? ", once the Artifact has begun" : ""}`,
    strikes: isLate ? times + 1 : times,
    ...(schemes !== undefined && { schemes }),
    arm(life) {
      if (!isLate) return refuseAnew(life);
      // It is asked for once more then; that is a strike too.
      life.on("artifact", 1, () => refuseAnew(life));
    },
  };
}

/** Proxies that do not let through what they are asked for. */
export const PROXIES: Group = {
  title: "Proxies",
  isProxied: true,
  rows: [false, true].flatMap((isLate) =>
    MISBEHAVIOUR.map((misbehaviour) => refusing(misbehaviour, isLate))
  ),
};
