import { isJsonObject } from "../../core/json.ts";
import { refusal } from "../refusal.ts";
import { parseDepends, parseProvides } from "./attributes.ts";
import { parseDocument } from "./document.ts";
import { type HeaderInfo, parsePayloadType } from "./header_info.ts";
import type { HeaderContents } from "./header_reader.ts";
import { parseTypeInfo, type TypeInfo } from "./type_info.ts";

/** What a header says about its payload: the part that can be augmented. */
export interface PayloadInfo extends TypeInfo {
  /** Type of the payload; `null` for an empty one. */
  readonly payloadType: string | null;
}

const MEMBER = "header-augment";

/**
 * Reads the documents of `header-augment.tar`: the type of the payload, its type-info, and meta-data,
 * which must be nothing or an object. What `header-info` repeats of the Artifact has to be the same.
 *
 * @param info The Artifact's own `header-info`.
 * @throws {ArtifactError} `artifact.bad-header`.
 * @see artifact-format section 1, row 6
 */
export function parseAugment(
  header: HeaderContents,
  info: HeaderInfo,
  maxDepth: number,
): PayloadInfo {
  if (info.payloadType === null) throw bad("there is no payload to augment");
  const document = parseDocument(header.headerInfo, "header-info", "artifact.bad-header", maxDepth);
  const payloadType = parsePayloadType(document.payloads, "payloads");
  if (payloadType === null) throw bad("it names no payload type");
  checkRepeated(document.artifact_provides, "artifact_provides", info.provides, parseProvides);
  checkRepeated(document.artifact_depends, "artifact_depends", info.depends, parseDepends);
  return { payloadType, ...parseTypeInfo(header.typeInfo, payloadType, 3, maxDepth) };
}

/** Lays the augment over what the header itself says, key by key, as the Go reader does. */
export function mergeAugment(own: PayloadInfo, augment: PayloadInfo): PayloadInfo {
  return {
    payloadType: augment.payloadType,
    provides: new Map([...own.provides, ...augment.provides]),
    depends: new Map([...own.depends, ...augment.depends]),
    clearsProvides: augment.clearsProvides ?? own.clearsProvides,
  };
}

function checkRepeated<V>(
  value: unknown,
  key: string,
  wanted: ReadonlyMap<string, V>,
  parse: (value: unknown, where: string) => Map<string, V>,
): void {
  if (value === undefined || value === null) return;
  if (!isJsonObject(value)) throw bad(`its ${key} is not an object`);
  const found = parse(value, `${MEMBER}: ${key}`);
  if (isSame(sorted(found), sorted(wanted))) return;
  throw bad(`its ${key} differs from that of the header`);
}

function sorted(map: ReadonlyMap<string, unknown>): unknown[] {
  return [...map].sort(([a], [b]) => a < b ? -1 : 1);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function bad(why: string): Error {
  return refusal("artifact.bad-header", `"${MEMBER}" breaks a rule: ${why}`);
}
