import type { ArtifactRecord } from "./state.ts";

/**
 * What makes two Artifacts of the same name suit the same device: one value of each of their depends.
 *
 * Artifacts may share a name as long as no device could be offered both. They clash when they depend
 * on the same keys and have a value of each in common, as the real server's index has it.
 *
 * @returns The values in common, by key, or `undefined` when there is no conflict.
 */
export function conflictOf(
  known: Pick<ArtifactRecord, "name" | "depends">,
  fresh: Pick<ArtifactRecord, "name" | "depends">,
): Record<string, string> | undefined {
  if (known.name !== fresh.name) return undefined;
  const keys = Object.keys(known.depends);
  if (keys.length !== Object.keys(fresh.depends).length) return undefined;
  const shared: Record<string, string> = {};
  for (const key of keys) {
    const value = known.depends[key]?.find((one) => fresh.depends[key]?.includes(one));
    if (value === undefined) return undefined;
    shared[key] = value;
  }
  return shared;
}
