import type { Paths } from "./paths.ts";

/**
 * What a key holds in the file.
 *
 * `text`, `path`: text. `url`: text, checked with all servers. `flag`: true or false. `looseFlag`:
 * also text, as mender-python-client reads it. `seconds`: a whole number from 1 to 31536000, 0 means
 * the default. `count`: a whole number from `least`. `texts`, `paths`: a list of text. `servers`: a
 * list of `{"ServerURL": ...}`. `choice`: one of `choices`.
 */
export type KeyKind =
  | "text"
  | "path"
  | "url"
  | "flag"
  | "looseFlag"
  | "seconds"
  | "count"
  | "texts"
  | "paths"
  | "servers"
  | "choice";

/** One key of a configuration file. */
export interface KeySpec {
  /** Name as it is spelt in the file; a dot stands between the names of nested objects. */
  readonly name: string;
  /** What it holds. */
  readonly kind: KeyKind;
  /**
   * `honoured`: a key of Mender that has its effect here. `own`: a key of this client only. `known`:
   * a key of another Mender client that has no effect here, and needs no warning.
   */
  readonly use: "honoured" | "own" | "known";
  /** Value when neither file has the key, in the unit of the file. */
  readonly fallback?: string | number | boolean | readonly string[];
  /** Names the well-known path that is the value when neither file has the key. */
  readonly fallbackPath?: keyof Paths;
  /** Lowest value of a `count`; 0 when absent. */
  readonly least?: number;
  /** Allowed texts of a `choice`. */
  readonly choices?: readonly string[];
  /** Whether its value must never be shown. */
  readonly isSecret?: boolean;
  /** What it does, in a few words. */
  readonly meaning: string;
}
