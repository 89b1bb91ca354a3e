import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Memory and descriptors of a process at a moment of its life. */
interface Sample {
  /** Which process it was; they are killed and started again. */
  readonly life: number;
  readonly seconds: number;
  readonly rssMiB: number;
  readonly descriptors: number;
}

/** Warming up takes some of the first memory; slopes are taken from what comes after. */
const WARM_SECONDS = 120;
/** So long has to be looked at: a shorter life says nothing. */
const LEAST_SECONDS = 180;
/** What a process may seem to grow in a minute although it does not. */
const MAX_MIB_A_MINUTE = 1.5;
const MAX_DESCRIPTORS_A_MINUTE = 0.5;

/** Whether a program grows while it lives, seen at the longest of its lives. */
export class Growth {
  readonly #name: string;
  readonly #warmSeconds: number;
  readonly #samples: Sample[] = [];
  #life = 0;
  #bornAt = 0;

  /** Of a program of this name, which takes so long to warm up. */
  constructor(name: string, warmSeconds = WARM_SECONDS) {
    this.#name = name;
    this.#warmSeconds = warmSeconds;
  }

  /** Another life begins. */
  begin(): void {
    this.#life++;
    this.#bornAt = performance.now();
  }

  /** Looks at the process. */
  look(pid: number): void {
    try {
      const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      if (rss === undefined) return;
      this.#samples.push({
        life: this.#life,
        seconds: (performance.now() - this.#bornAt) / 1000,
        rssMiB: Number(rss) / 1024,
        descriptors: openFiles(pid).filter((path) => !/^(pipe|anon_inode|\/dev)/.test(path)).length,
      });
    } catch {
      // it was just killed
    }
  }

  /** Prints the figures, and gives what is wrong with them. */
  account(): string[] {
    const longest = longestLife(this.#samples);
    const warm = longest.filter(({ seconds }) => seconds > this.#warmSeconds);
    const isLong = (warm.at(-1)?.seconds ?? 0) - (warm[0]?.seconds ?? 0) > LEAST_SECONDS;
    const seen = isLong ? warm : longest;
    const memory = slope(seen.map(({ seconds, rssMiB }) => [seconds / 60, rssMiB]));
    const descriptors = slope(seen.map(({ seconds, descriptors }) => [seconds / 60, descriptors]));
    const [first, last] = [seen[0], seen.at(-1)];
    if (first === undefined || last === undefined) return [];
    const name = this.#name;
    console.log(
      `longest life of a ${name}: ${Math.round(last.seconds)} s, ${first.rssMiB.toFixed(0)} to ${
        last.rssMiB.toFixed(0)
      } MiB (${
        memory.toFixed(2)
      } a minute), ${first.descriptors} to ${last.descriptors} descriptors (${
        descriptors.toFixed(2)
      } a minute)${isLong ? "" : ", too short to tell"}`,
    );
    if (!isLong) return [];
    return [
      ...memory > MAX_MIB_A_MINUTE
        ? [`memory of a ${name} grows by ${memory.toFixed(2)} MiB a minute`]
        : [],
      ...descriptors > MAX_DESCRIPTORS_A_MINUTE
        ? [`descriptors of a ${name} grow by ${descriptors.toFixed(2)} a minute`]
        : [],
    ];
  }
}

/** Where the descriptors of a process lead; those that are closed meanwhile are left out. */
export function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

function longestLife(samples: readonly Sample[]): Sample[] {
  let best: Sample[] = [];
  for (const life of new Set(samples.map((sample) => sample.life))) {
    const own = samples.filter((sample) => sample.life === life);
    if ((own.at(-1)?.seconds ?? 0) > (best.at(-1)?.seconds ?? 0)) best = own;
  }
  return best;
}

/** Slope of the straight line through some points, by least squares. */
function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  if (n < 2) return 0;
  const mean = (at: 0 | 1): number => points.reduce((sum, point) => sum + point[at], 0) / n;
  const [mx, my] = [mean(0), mean(1)];
  const above = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const below = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return below === 0 ? 0 : above / below;
}
