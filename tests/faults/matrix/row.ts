import type { Life } from "./life.ts";

/** Protocol between device and server. */
export type Scheme = "http" | "https";

/** How a deployment may end: always so that the server knows; `reported` is success or failure. */
export type End = "success" | "failure" | "aborted" | "reported";

/** One fault: what goes wrong, and how it must end. The rest of what was seen is in `docs/faults.md`. */
export interface Row {
  /** What goes wrong, in plain words; the key of the row. */
  readonly fault: string;
  /** Rows of one family that were seen to go alike are one line of `docs/faults.md`. */
  readonly family?: string;
  /** What tells the row from others of its family. */
  readonly member?: string;
  /** The next row of its family shows that the next deployment works; it takes no one of its own. */
  readonly isLight?: boolean;
  /** How often the fault has to strike at least; once when absent and only its strike shows it. */
  readonly strikes?: number;
  /** Strikes that only a look at the device tells, once the deployment is over. */
  readonly strikesSeen?: (life: Life) => number;
  /** How the deployment ends; `success` when absent. */
  readonly end?: End;
  /** What the server sees, and in which order, is up to the speed of the machine: its end is told. */
  readonly isByChance?: boolean;
  /** What the device has told the server is lost: it may tell an earlier status again. */
  readonly tellsAgain?: boolean;
  /** Over which protocols it is played; both when absent. */
  readonly schemes?: readonly Scheme[];
  /** Longest wait in seconds that the server asks for; without it none may be longer than configured. */
  readonly askedSeconds?: number;
  /** Lets the fault happen; called before the deployment is made. */
  readonly arm?: (life: Life) => void | Promise<void>;
  /** Goes on while the deployment runs. */
  readonly during?: (life: Life) => void | Promise<void>;
  /** Repairs what {@link Life.heal} does not. */
  readonly repair?: (life: Life) => void | Promise<void>;
}

/** Rows about one thing; all are played in the life of one device, one after the other. */
export interface Group {
  /** Heading in `docs/faults.md`. */
  readonly title: string;
  /** Keys of `mender.conf` that are different. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Whether the device gets to its server through a proxy, by a name that only the proxy knows. */
  readonly isProxied?: boolean;
  /** Seconds of life of the server's tokens. */
  readonly tokenLifeSeconds?: number;
  /** How much faster than the world the device's clock runs. */
  readonly clockFactor?: number;
  /** The rows. */
  readonly rows: readonly Row[];
}

/** What was seen of a row, as `docs/faults.md` shows it. */
export interface Seen {
  /** Requests that were not the usual ones, or all of them in short. */
  readonly server: string;
  /** What lay in the data directory afterwards that does not always. */
  readonly disk: string;
  /** Statuses of the deployment, in order. */
  readonly status: string;
  /** What the device did next. */
  readonly action: string;
}
