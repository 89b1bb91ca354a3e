import { inTemporaryDirectory } from "../../support/temporary.ts";
import { Life } from "./life.ts";
import type { Group, Row, Scheme, Seen } from "./row.ts";

/** What came of a row over one protocol. */
export interface Played {
  readonly group: Group;
  readonly row: Row;
  readonly scheme: Scheme;
  readonly seen?: Seen;
  readonly error?: unknown;
}

/** They mostly wait, each for its own server. */
const AT_ONCE = 6;

/** Plays the rows of some groups, each group in the life of a device of its own, some at once. */
export async function playGroups(groups: readonly Group[], wanted: RegExp): Promise<Played[]> {
  const lives = groups.flatMap((group) =>
    (["http", "https"] as const).map((scheme) => ({
      group,
      scheme,
      rows: group.rows.filter(({ fault, schemes }) =>
        wanted.test(fault) && (schemes ?? ["http", "https"]).includes(scheme)
      ),
    }))
  ).filter(({ rows }) => rows.length > 0);
  const played: Played[][] = lives.map(() => []);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < lives.length; at = next++) {
      const { group, scheme, rows } = lives[at]!;
      played[at] = await playRows(group, scheme, rows);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return played.flat();
}

/** A row that failed may leave anything behind: the next one gets a new device. */
async function playRows(group: Group, scheme: Scheme, rows: readonly Row[]): Promise<Played[]> {
  const played: Played[] = [];
  for (let rest = rows; rest.length > 0;) {
    const done = await inTemporaryDirectory(async (root) => {
      const life = await Life.begin(root, group, scheme);
      try {
        return await playUntilFailure(life, group, scheme, rest);
      } finally {
        await life.end();
      }
    });
    played.push(...done);
    rest = rest.slice(done.length);
  }
  return played;
}

async function playUntilFailure(
  life: Life,
  group: Group,
  scheme: Scheme,
  rows: readonly Row[],
): Promise<Played[]> {
  const played: Played[] = [];
  for (const [at, row] of rows.entries()) {
    const isFollowed = row.family !== undefined && rows[at + 1]?.family === row.family;
    try {
      played.push({ group, row, scheme, seen: await life.play(row, isFollowed) });
    } catch (error) {
      const text = error instanceof Error ? error.stack : String(error);
      played.push({ group, row, scheme, error: new Error(`${text}\n${life.story()}`) });
      break;
    }
  }
  return played;
}
