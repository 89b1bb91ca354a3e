import type { KeySpec } from "./key_spec.ts";
import { CONNECT_KEYS, MENDER_KEYS } from "./keys_table.ts";
import type { InspectedConfig } from "./load_config.ts";
import type { Paths } from "./paths.ts";

/** An effective configuration for people and for scripts, without secrets; plain JSON. */
export interface ConfigDescription {
  /** Both files and whether they exist. */
  readonly files: readonly {
    readonly source: "main" | "fallback";
    readonly path: string;
    readonly exists: boolean;
  }[];
  /** Every key that has an effect, in the unit of the file; `null` when it is not set. */
  readonly entries: readonly {
    readonly key: string;
    readonly value: string | number | boolean | readonly string[] | null;
    readonly source: "main" | "fallback" | "default";
  }[];
  /** What makes the configuration unusable. */
  readonly problems: readonly { readonly code: string; readonly message: string }[];
  /** What should be looked at. */
  readonly warnings: readonly string[];
  /** Keys of other Mender clients, without effect here. */
  readonly unused: readonly string[];
}

const MASK = "(set, not shown)";

/** Describes an inspected `mender.conf` (`"mender"`) or `mender-connect.conf` (`"connect"`). */
export function describeConfig(
  inspected: InspectedConfig<unknown>,
  paths: Paths,
  which: "mender" | "connect" = "mender",
): ConfigDescription {
  const { files, keys } = inspected;
  const table = which === "mender" ? MENDER_KEYS : CONNECT_KEYS;
  return {
    files,
    entries: table.flatMap((spec) => {
      const setting = keys.settings.get(spec.name);
      if (setting === undefined) return [];
      return [{ key: spec.name, value: shown(spec, setting.value, paths), source: setting.source }];
    }),
    problems: keys.problems.map(({ code, message }) => ({ code, message })),
    warnings: keys.warnings,
    unused: keys.unused,
  };
}

/** The lines that `check-config` prints: files, keys with their source, then what is wrong. */
export function configLines(description: ConfigDescription): string[] {
  const width = Math.max(...description.entries.map(({ key }) => key.length));
  return [
    ...description.files.map(({ source, path, exists }) =>
      `${source}: ${path}${exists ? "" : " (no such file)"}`
    ),
    ...description.entries.map(({ key, value, source }) =>
      `${key.padEnd(width)}  ${value === null ? "(not set)" : textOf(value)}` +
      (source === "default" ? "" : `  [${source}]`)
    ),
    ...description.unused.map((key) => `unused: ${key} is for other Mender clients`),
    ...description.warnings.map((warning) => `warning: ${warning}`),
    ...description.problems.map(({ message }) => `problem: ${message}`),
  ];
}

type Shown = ConfigDescription["entries"][number]["value"];

function shown(spec: KeySpec, value: unknown, paths: Paths): Shown {
  const isUnset = value === undefined || value === "";
  if (isUnset) return spec.fallbackPath === undefined ? null : paths[spec.fallbackPath];
  if (spec.isSecret === true) return MASK;
  if (Array.isArray(value)) return value.map((item) => visible(spec, item));
  return typeof value === "string" ? visible(spec, value) : value as Shown;
}

/** A URL may hold a password, slashes in it too; it is refused elsewhere, and not shown here either. */
function visible(spec: KeySpec, text: string): string {
  return spec.kind === "url" || spec.kind === "servers"
    ? text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^]*@/i, "$1")
    : text;
}

function textOf(value: Exclude<Shown, null>): string {
  return Array.isArray(value) ? value.join(", ") || "(none)" : String(value);
}
