import { ConfigError } from "../core/errors.ts";
import { isJsonObject, type JsonObject } from "../core/json.ts";
import { type FileDriver, readWhole } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";
import { JsonSyntaxError, parseJsonText } from "./json_text.ts";

/** Largest configuration file that is read, in bytes. */
export const MAX_CONFIG_BYTES = 1 << 20;

/** A configuration file as it stands. */
export interface ConfigFile {
  /** Which of the two files it is; keys of `main` win. */
  readonly source: "main" | "fallback";
  /** Where it is. */
  readonly path: string;
  /** Its keys. */
  readonly values: JsonObject;
  /** Keys that it holds twice; the last value counts. */
  readonly repeatedKeys: readonly string[];
}

/**
 * Reads a configuration file. Links are followed: on read-only systems `/etc/mender` often points to
 * the data partition.
 *
 * @returns The file, or `undefined` when there is none.
 * @throws {ConfigError} `config.unreadable`, `config.not-a-file`, `config.too-large`,
 * `config.bad-json` (with line and column), `config.not-an-object`.
 */
export function readConfigFile(
  files: FileDriver,
  path: string,
  source: ConfigFile["source"],
): ConfigFile | undefined {
  const bytes = readBytes(files, path);
  if (bytes === undefined) return undefined;
  const { value, repeatedKeys } = parse(path, bytes);
  if (!isJsonObject(value)) {
    throw configError(
      "config.not-an-object",
      path,
      `wanted a JSON object, "{\u2026}", found ${Array.isArray(value) ? "a list" : typeof value}`,
    );
  }
  return { source, path, values: value, repeatedKeys };
}

function readBytes(files: FileDriver, path: string): Uint8Array | undefined {
  try {
    // Asked first, because opening a named pipe would wait for whoever writes into it.
    const info = files.stat(path, { follow: true });
    if (info === undefined) return undefined;
    if (info.kind !== "file") {
      throw configError("config.not-a-file", path, `wanted a file, found a ${nameOf(info.kind)}`);
    }
    return readWhole(files, path, MAX_CONFIG_BYTES, { follow: true });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    if (error instanceof RangeError) {
      const reason = `it is larger than ${MAX_CONFIG_BYTES} bytes`;
      throw configError("config.too-large", path, reason, error);
    }
    throw configError("config.unreadable", path, fileReason(error), error);
  }
}

function parse(path: string, bytes: Uint8Array): { value: unknown; repeatedKeys: string[] } {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw configError("config.bad-json", path, "it is not UTF-8 text", error);
  }
  if (text.trim() === "") throw configError("config.bad-json", path, "it is empty");
  try {
    return parseJsonText(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw configError("config.bad-json", path, error.message, error);
  }
}

function nameOf(kind: "directory" | "link" | "other"): string {
  return kind === "other" ? "device, pipe or socket" : kind;
}

function configError(code: string, path: string, reason: string, cause?: unknown): ConfigError {
  return new ConfigError(code, `Cannot read ${path}: ${reason}`, { cause, retry: "never" });
}
