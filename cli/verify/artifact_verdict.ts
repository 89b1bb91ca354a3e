import type { KeyObject } from "node:crypto";
import {
  type ArtifactDescription,
  checkFitsDevice,
  keyFingerprint,
} from "../../lib/artifact/mod.ts";
import { isMenderError, type MenderError } from "../../lib/core/errors.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { readArtifactInfo } from "../../lib/store/artifact_info.ts";
import { readDeviceType } from "../../lib/store/device_type.ts";
import { type ArtifactSource, openArtifactFile, readArtifactFile } from "./read_artifact_file.ts";

/** What this device is, as far as it is known. */
export interface KnownDevice {
  /** Its type. */
  readonly deviceType: string | undefined;
  /** What is installed on it. */
  readonly provides: ReadonlyMap<string, string> | undefined;
  /** Why something is not known. */
  readonly notes: readonly string[];
}

/** What was found out about a file. */
export interface ArtifactVerdict {
  /** Its path. */
  readonly path: string;
  /** Its size in bytes; `undefined` when it cannot be read. */
  readonly sizeBytes: number | undefined;
  /** What it is; `undefined` when it is no sound Artifact. */
  readonly description: ArtifactDescription | undefined;
  /** Why it would not be accepted. */
  readonly problem: MenderError | undefined;
  /** The device that it was compared with. */
  readonly device: KnownDevice;
  /** Fingerprints of the keys of which one must have signed it. */
  readonly keys: readonly string[];
}

/** Reads what decides whether an Artifact is for this device. Files that are missing are noted. */
export function knownDevice(
  drivers: Drivers,
  files: { readonly deviceTypeFile: string; readonly artifactInfo: string },
): KnownDevice {
  const type = readDeviceType(drivers.files, files.deviceTypeFile);
  const info = readArtifactInfo(drivers.files, files.artifactInfo);
  const isKnown = info.artifactName !== undefined;
  return {
    deviceType: type.deviceType,
    provides: isKnown ? info.provides : undefined,
    notes: [
      ...(type.deviceType === undefined ? [`${type.reason}; not compared with it`] : []),
      ...(isKnown ? [] : [`${info.reason}; not compared with it`]),
    ],
  };
}

/**
 * Finds out what a file is, and whether it would be accepted: by its checksums, by one of the keys if
 * there are any, and by what is known of the device.
 *
 * @throws The signal's reason when it is aborted.
 */
export async function judgeArtifact(
  drivers: Drivers,
  path: string,
  device: KnownDevice,
  keys: readonly KeyObject[],
  signal: AbortSignal,
): Promise<ArtifactVerdict> {
  const about = { path, device, keys: keys.map(keyFingerprint) };
  let source: ArtifactSource | undefined;
  try {
    source = openArtifactFile(drivers, path);
    const { sizeBytes } = source;
    const { description, problem } = await describe(drivers, source, keys, signal);
    const refusal = problem ?? (description && misfit(description, device));
    return { ...about, sizeBytes, description, problem: refusal };
  } catch (problem) {
    if (!isMenderError(problem, "store.no-artifact")) throw problem;
    return { ...about, sizeBytes: source?.sizeBytes, description: undefined, problem };
  } finally {
    source?.handle.close();
  }
}

async function describe(
  drivers: Drivers,
  source: ArtifactSource,
  keys: readonly KeyObject[],
  signal: AbortSignal,
): Promise<Pick<ArtifactVerdict, "description" | "problem">> {
  try {
    const description = await readArtifactFile(drivers, source, keys, signal);
    return { description, problem: undefined };
  } catch (problem) {
    if (!isMenderError(problem, "artifact.")) throw problem;
    const isTrustOnly = /signature$|unsigned-augment$/.test(problem.code);
    if (!isTrustOnly) return { description: undefined, problem };
    // Not to be trusted; what it claims to be is worth showing all the same.
    const { description } = await describe(drivers, source, [], signal);
    return { description, problem };
  }
}

function misfit(description: ArtifactDescription, device: KnownDevice): MenderError | undefined {
  const { deviceType = description.deviceTypes[0]!, provides } = device;
  const { device_type = [] } = description.depends;
  const comparable = provides === undefined
    ? { ...description, depends: { device_type } }
    : description;
  try {
    checkFitsDevice(comparable, { deviceType, provides: Object.fromEntries(provides ?? []) });
    return undefined;
  } catch (error) {
    if (isMenderError(error)) return error;
    throw error;
  }
}
