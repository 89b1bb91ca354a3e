import { isJsonObject, type JsonObject } from "../../core/json.ts";
import { isPrintableName } from "../names.ts";
import { quoted, refusal } from "../refusal.ts";
import type { FormatVersion } from "../version_file.ts";
import { parseDepends, parseTextList } from "./attributes.ts";
import { parseDocument } from "./document.ts";

/** What `header-info` says about the whole Artifact. */
export interface HeaderInfo {
  /** Type of the one payload; `null` for an empty payload. */
  readonly payloadType: string | null;
  /** `artifact_name`, and `artifact_group` if there is one. */
  readonly provides: ReadonlyMap<string, string>;
  /** `device_type` always; `artifact_name` and `artifact_group` if the Artifact asks for them. */
  readonly depends: ReadonlyMap<string, string[]>;
}

/**
 * Reads `header-info`.
 *
 * Unknown keys are ignored, except among the depends: a condition that is not understood must not
 * count as met.
 *
 * @throws {ArtifactError} `artifact.bad-header`.
 * @see artifact-format section 4 and, for version 2, section 9
 */
export function parseHeaderInfo(
  bytes: Uint8Array,
  version: FormatVersion,
  maxDepth: number,
): HeaderInfo {
  const document = parseDocument(bytes, "header-info", "artifact.bad-header", maxDepth);
  return version === 3 ? readVersion3(document) : readVersion2(document);
}

function readVersion3(document: JsonObject): HeaderInfo {
  const offered = document.artifact_provides;
  if (!isJsonObject(offered)) throw bad("has no artifact_provides");
  const provides = new Map([["artifact_name", checkName(offered.artifact_name, "artifact_name")]]);
  if (offered.artifact_group !== undefined) {
    provides.set("artifact_group", checkName(offered.artifact_group, "artifact_group"));
  }
  const wanted = document.artifact_depends;
  if (!isJsonObject(wanted)) throw bad("has no artifact_depends");
  checkDeviceTypes(wanted.device_type, "device_type");
  for (const key of ["artifact_name", "artifact_group"]) {
    const names = wanted[key];
    if (names === undefined) continue;
    for (const name of parseTextList(names, `header-info: ${key}`)) checkName(name, key);
  }
  return {
    payloadType: parsePayloadType(document.payloads, "payloads"),
    provides,
    depends: parseDepends(wanted, "header-info: artifact_depends"),
  };
}

function readVersion2(document: JsonObject): HeaderInfo {
  return {
    payloadType: parsePayloadType(document.updates, "updates"),
    provides: new Map([["artifact_name", checkName(document.artifact_name, "artifact_name")]]),
    depends: new Map([[
      "device_type",
      checkDeviceTypes(document.device_types_compatible, "device_types_compatible"),
    ]]),
  };
}

/**
 * Reads the list of payloads, which must be one, and gives its type; `null` for an empty payload.
 *
 * @param key Name of the list, for messages.
 * @throws {ArtifactError} `artifact.bad-header`.
 */
export function parsePayloadType(value: unknown, key: string): string | null {
  if (!Array.isArray(value) || value.length !== 1 || !isJsonObject(value[0])) {
    throw bad(`does not list exactly one payload under ${key}`);
  }
  const type = value[0].type;
  if (type === null) return null;
  // The type names the Update Module, which is a file on the device.
  if (typeof type === "string" && isPrintableName(type) && !type.includes("/") && type !== "..") {
    return type;
  }
  throw bad(`has no usable payload type, found ${quoted(String(type))}`);
}

function checkDeviceTypes(value: unknown, key: string): string[] {
  const types = parseTextList(value, `header-info: ${key}`);
  if (types.length === 0) throw bad(`lists no device type under ${key}`);
  for (const type of types) checkName(type, key);
  return types;
}

function checkName(value: unknown, key: string): string {
  if (typeof value === "string" && isPrintableName(value)) return value;
  throw bad(`has no usable ${key}: wanted 1 to 256 printable characters`);
}

function bad(why: string): Error {
  return refusal("artifact.bad-header", `"header-info" ${why}`);
}
