import { ConfigError } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { nearestName } from "../core/nearest_name.ts";
import { checkValue } from "./check_value.ts";
import type { ConfigFile } from "./config_file.ts";
import type { KeySpec } from "./key_spec.ts";

/** The value of one key, checked, in the unit of the file. */
export interface Setting {
  /** The value; `undefined` when neither file has the key and it has no default. */
  readonly value: unknown;
  /** Where the value comes from. */
  readonly source: "main" | "fallback" | "default";
  /** The file it comes from; `undefined` for a default. */
  readonly path: string | undefined;
}

/** What two files and a table of keys make together. */
export interface ResolvedKeys {
  /** Every key of the table that is not merely `known`, by name. */
  readonly settings: ReadonlyMap<string, Setting>;
  /** What makes the configuration unusable, in the order of the files and of the table. */
  readonly problems: ConfigError[];
  /** What should be looked at. */
  readonly warnings: string[];
  /** Keys that are present and belong to other Mender clients. */
  readonly unused: string[];
}

/**
 * Merges two files by key, nested objects by their inner keys, lists as a whole; `main` wins. `null`
 * counts as absent, as in mender. Names are looked up exactly, else without regard to case, as Go
 * does, with a warning.
 *
 * Only the value that counts is checked: a bad value in the fallback that the main file replaces is
 * harmless.
 *
 * @param files At most one of each source; `undefined` for a file that does not exist.
 * @see contracts/configuration.md section 1
 */
export function resolveKeys(
  table: readonly KeySpec[],
  files: { main: ConfigFile | undefined; fallback: ConfigFile | undefined },
): ResolvedKeys {
  const problems: ConfigError[] = [];
  const warnings: string[] = [];
  const unused = new Set<string>();
  const found = new Map<string, { value: unknown; file: ConfigFile }>();
  for (const file of [files.fallback, files.main]) {
    if (file === undefined) continue;
    for (const key of file.repeatedKeys) {
      warnings.push(`${file.path}: ${key} is there twice; the last one counts`);
    }
    const leaves = namedLeaves(table, file, "", file.values, problems, warnings);
    for (const [name, value] of leaves) found.set(name, { value, file });
  }

  const settings = new Map<string, Setting>();
  for (const spec of table) {
    const hit = found.get(spec.name);
    if (spec.use === "known") {
      if (hit !== undefined) unused.add(spec.name);
      continue;
    }
    const fallback: Setting = { value: spec.fallback, source: "default", path: undefined };
    settings.set(spec.name, fallback);
    if (hit === undefined) continue;
    const { path, source } = hit.file;
    const checked = checkValue(spec, hit.value);
    if ("reason" in checked) {
      const message = `Cannot use ${spec.name} of ${path}: ${checked.reason}`;
      problems.push(new ConfigError(checked.code, message, { retry: "never" }));
    } else if (spec.kind === "seconds" && checked.value === 0) {
      warnings.push(`${path}: ${spec.name} is 0; ${spec.fallback} s is used`);
    } else settings.set(spec.name, { value: checked.value, source, path });
  }
  return { settings, problems, warnings, unused: [...unused] };
}

/** Values of a file by their names in the table; what is not in the table is warned about. */
function namedLeaves(
  table: readonly KeySpec[],
  file: ConfigFile,
  prefix: string,
  values: JsonObject,
  problems: ConfigError[],
  warnings: string[],
): Map<string, unknown> {
  const names = namesUnder(table, prefix);
  const spelt = new Map<string, string>();
  for (const written of Object.keys(values)) {
    const name = names.has(written) ? written : findIgnoringCase(names, written);
    if (name === undefined) {
      warnings.push(unknownKey(file, prefix, written, names));
      continue;
    }
    if (name !== written) {
      warnings.push(`${file.path}: ${prefix}${written} is read as ${prefix}${name}`);
      if (Object.hasOwn(values, name)) continue; // the exact spelling wins
    }
    spelt.set(name, written);
  }

  const leaves = new Map<string, unknown>();
  for (const [name, written] of spelt) {
    const value = values[written];
    if (value === null) continue;
    const whole = prefix + name;
    if (names.get(name) === "leaf") leaves.set(whole, value);
    else if (isJsonObject(value)) {
      const inner = namedLeaves(table, file, `${whole}.`, value, problems, warnings);
      for (const [key, leaf] of inner) leaves.set(key, leaf);
    } else {
      const message = `Cannot use ${whole} of ${file.path}: wanted an object, found ${
        Array.isArray(value) ? "a list" : `a ${typeof value}`
      }`;
      problems.push(new ConfigError("config.wrong-type", message, { retry: "never" }));
    }
  }
  return leaves;
}

function namesUnder(table: readonly KeySpec[], prefix: string): Map<string, "leaf" | "object"> {
  const names = new Map<string, "leaf" | "object">();
  for (const { name } of table) {
    if (!name.startsWith(prefix)) continue;
    const [first, ...rest] = name.slice(prefix.length).split(".");
    names.set(first!, rest.length === 0 ? "leaf" : "object");
  }
  return names;
}

function findIgnoringCase(names: Map<string, unknown>, written: string): string | undefined {
  for (const name of names.keys()) {
    if (name.toLowerCase() === written.toLowerCase()) return name;
  }
  return undefined;
}

function unknownKey(
  file: ConfigFile,
  prefix: string,
  written: string,
  names: Map<string, unknown>,
): string {
  const near = nearestName(written, names.keys());
  const guess = near === undefined ? "" : `; did you mean ${prefix}${near}?`;
  return `${file.path}: the key ${
    JSON.stringify(prefix + written)
  } is not known and has no effect${guess}`;
}
