/** What tells one file behind a link from another one; everything is as the server said it. */
export interface FileVersion {
  /** Size in bytes. */
  readonly totalBytes?: number | undefined;
  /** Strong entity tag, with its quotes; a weak one says nothing about single bytes. */
  readonly etag?: string | undefined;
  /** Last change, as an HTTP date. */
  readonly lastModified?: string | undefined;
}

/**
 * The version that the head of an answer speaks of.
 *
 * @param totalBytes Size of the whole file, as far as the answer tells.
 */
export function versionOf(
  headers: ReadonlyMap<string, string>,
  totalBytes: number | undefined,
): FileVersion {
  const etag = headers.get("etag")?.trim();
  const lastModified = headers.get("last-modified")?.trim();
  return {
    ...(totalBytes !== undefined && { totalBytes }),
    ...(etag !== undefined && /^"[^"]{1,1000}"$/.test(etag) && { etag }),
    ...(lastModified && lastModified.length < 100 && { lastModified }),
  };
}

/**
 * Whether two versions can be of the same file: nothing that both tell may differ.
 *
 * A change of the date alone does not count while the tags agree.
 */
export function isSameFile(known: FileVersion, seen: FileVersion): boolean {
  if (differ(known.totalBytes, seen.totalBytes)) return false;
  if (known.etag !== undefined && seen.etag !== undefined) return known.etag === seen.etag;
  return !differ(known.lastModified, seen.lastModified);
}

/** Whether two versions are of the same file for certain: both have the same strong tag. */
export function isSurelySameFile(known: FileVersion, seen: FileVersion): boolean {
  return known.etag !== undefined && known.etag === seen.etag && isSameFile(known, seen);
}

/** Both facts where only one of the versions has one; `seen` wins where both have. */
export function mergeVersions(known: FileVersion, seen: FileVersion): FileVersion {
  return { ...known, ...seen };
}

function differ<T>(a: T | undefined, b: T | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}
