import { parseKeyValue } from "../core/key_value.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";

/** What is installed. */
export interface ArtifactInfo {
  /** Name of the installed Artifact, or `undefined` when it is not known. */
  readonly artifactName: string | undefined;
  /** All keys of the file in its order, `artifact_name` among them. */
  readonly provides: ReadonlyMap<string, string>;
  /** Why the name is not known. */
  readonly reason: string | undefined;
  /** The failure of the system behind the reason, when there is one. */
  readonly cause?: unknown;
}

/**
 * Reads `artifact_info`: lines `key=value`, of which `artifact_name` is required; of repeated lines
 * the last one counts. Links are followed. Read it at each use; the sub-updater replaces it.
 *
 * @see client-behaviour A2
 */
export function readArtifactInfo(files: FileDriver, path: string): ArtifactInfo {
  let text: string | undefined;
  try {
    text = readText(files, path, 1 << 20, { follow: true });
  } catch (error) {
    return { ...unknown(path, fileReason(error)), cause: error };
  }
  if (text === undefined) return unknown(path, "there is no such file");
  const provides = new Map<string, string>();
  for (const [key, values] of parseKeyValue(text).attributes) provides.set(key, values.at(-1)!);
  const artifactName = provides.get("artifact_name");
  if (artifactName !== undefined && artifactName !== "") {
    return { artifactName, provides, reason: undefined };
  }
  const why = artifactName === ""
    ? "artifact_name is empty"
    : "it holds no line artifact_name=\u2026";
  return unknown(path, why, provides);
}

function unknown(
  path: string,
  why: string,
  provides: ReadonlyMap<string, string> = new Map(),
): ArtifactInfo {
  const reason = `Cannot read the name of the installed Artifact from ${path}: ${why}`;
  return { artifactName: undefined, provides, reason };
}
