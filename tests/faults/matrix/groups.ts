import type { Group } from "./row.ts";
import { BODIES_GROUP } from "./rows/bodies.ts";
import { CONNECTION, SILENCE } from "./rows/connection.ts";
import { DISKS, SCRIPTS, TIME } from "./rows/device_side.ts";
import { FILES } from "./rows/files.ts";
import { RANGES } from "./rows/ranges.ts";
import { ABORTS, RESTARTS, SHORT_TOKENS, TOKENS } from "./rows/server_side.ts";
import { STATUS_GROUPS } from "./rows/statuses.ts";
import { TRUST, WAYS } from "./rows/trust.ts";

/** All that is played, in the order of `docs/faults.md`. */
export const GROUPS: readonly Group[] = [
  CONNECTION,
  SILENCE,
  TRUST,
  WAYS,
  ...STATUS_GROUPS,
  BODIES_GROUP,
  RANGES,
  TOKENS,
  SHORT_TOKENS,
  ABORTS,
  RESTARTS,
  ...DISKS,
  TIME,
  SCRIPTS,
  FILES,
];
