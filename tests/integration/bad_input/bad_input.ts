import type { Drivers } from "../../../lib/runtime/drivers.ts";
import type { MenderServer } from "../../../lib/testing/mod.ts";
import type { ClientRig } from "../../support/client_rig.ts";

/** One command line on a bad input: what it ends with, and what it says. */
export type BadInputRow = readonly [
  /** The command line; `{root}` stands for the directory of the device. */
  line: string,
  /** Exit code, by architecture: 0, 1 failed, 2 usage, 3 recorded, 130 interrupted. */
  code: number,
  /** What the line on standard error must match; `undefined`: nothing is said there. */
  says: RegExp | undefined,
];

/** Something that is wrong, and how commands take it. */
export interface BadInput {
  /** What is wrong, as the page says it; one of its chapter has it. */
  readonly input: string;
  /** Makes it so, on a device that is in order. */
  readonly arrange?: (rig: ClientRig) => void;
  /** Commands that meet it. */
  readonly rows: readonly BadInputRow[];
  /** Shown in front of the commands, as `cat map.json |`. */
  readonly before?: string;
  /** Standard input. */
  readonly stdin?: string | Uint8Array;
  /** Variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Keys of `mender.conf`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Shell lines of the identity script. */
  readonly identity?: string;
  /** Puts other drivers in the place of some of the machine's. */
  readonly drivers?: (drivers: Drivers, rig: ClientRig) => Drivers;
  /** Makes the server answer otherwise. */
  readonly server?: (server: MenderServer) => void;
  /** Looks at what must not have been lost, or touched. */
  readonly kept?: (rig: ClientRig) => void;
}

/** Bad inputs of one kind. */
export interface BadInputChapter {
  /** Heading of the page. */
  readonly title: string;
  /** One sentence below it. */
  readonly about: string;
  /** Its inputs. */
  readonly inputs: readonly BadInput[];
}
