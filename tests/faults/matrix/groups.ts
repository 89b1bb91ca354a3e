import type { Group } from "./row.ts";
import { BODIES_GROUP } from "./rows/bodies.ts";
import { CONNECTION, SILENCE } from "./rows/connection.ts";
import { DIRECTORY } from "./rows/directory.ts";
import { DISKS } from "./rows/disks.ts";
import { FILES } from "./rows/files.ts";
import { INSTALLING } from "./rows/installing.ts";
import { PROXIES } from "./rows/proxies.ts";
import { RANGES } from "./rows/ranges.ts";
import { ABORTS, RESTARTS, SHORT_TOKENS, TOKENS } from "./rows/server_side.ts";
import { SCRIPTS } from "./rows/scripts.ts";
import { STATUS_GROUPS } from "./rows/statuses.ts";
import { TIME } from "./rows/time.ts";
import { TRUST, WAYS } from "./rows/trust.ts";

/** All that is played, in the order of `docs/faults.md`. */
export const GROUPS: readonly Group[] = [
  CONNECTION,
  SILENCE,
  TRUST,
  WAYS,
  PROXIES,
  ...STATUS_GROUPS,
  BODIES_GROUP,
  RANGES,
  TOKENS,
  SHORT_TOKENS,
  ABORTS,
  RESTARTS,
  ...DISKS,
  DIRECTORY,
  TIME,
  SCRIPTS,
  INSTALLING,
  FILES,
];
