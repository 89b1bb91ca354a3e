import { UsageError } from "../../lib/core/errors.ts";

/** Things that are permitted, or `true`: all of them. */
export type Permitted = true | readonly string[];

/** One of the sets of `permissions` in `deno.json`, in the form that Deno reads. */
export interface PermissionSet {
  /** Files and directories that may be read. */
  readonly read?: Permitted;
  /** Files and directories that may be written. */
  readonly write?: Permitted;
  /** `host:port`, or `unix:` and the path of a socket. */
  readonly net?: Permitted;
  /** Programs that may be started. */
  readonly run?: Permitted;
  /** Facts of the system. */
  readonly sys?: Permitted;
  /** Libraries of machine code that may be loaded. */
  readonly ffi?: Permitted;
  /** Variables of the environment; with `ignore` all others read as not set. */
  readonly env?: { readonly allow?: Permitted; readonly ignore?: boolean };
}

/** The sets by name, as `deno.json` has them. */
export async function permissionSets(): Promise<Readonly<Record<string, PermissionSet>>> {
  const { default: manifest } = await import("../../deno.json", { with: { type: "json" } });
  return manifest.permissions as Readonly<Record<string, PermissionSet>>;
}

/**
 * The flags of `deno run` that say the same as a set.
 *
 * @throws {UsageError} `usage.permissions`: a comma, which Deno takes for the end of an item.
 */
export function flagsOf(set: PermissionSet): string[] {
  const { env, ...kinds } = set;
  return [
    ...Object.entries(kinds).flatMap(([kind, permitted]) => flag(kind, permitted)),
    ...flag("env", env?.allow ?? []),
    ...(env?.ignore === true ? ["--ignore-env"] : []),
  ];
}

function flag(kind: string, permitted: Permitted): string[] {
  if (permitted === true) return [`--allow-${kind}`];
  const comma = permitted.find((item) => item.includes(","));
  if (comma !== undefined) {
    throw new UsageError("usage.permissions", `Cannot permit ${comma}: Deno takes no comma there`);
  }
  return permitted.length === 0 ? [] : [`--allow-${kind}=${permitted.join(",")}`];
}
