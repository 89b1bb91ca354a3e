/**
 * Paths of a POSIX system, by the rules of `node:path`, of which these are the few functions that are
 * wanted here: a daemon would carry that module's other half through its whole life.
 *
 * @module
 */

/** Whether a path starts at the root. */
export function isAbsolute(path: string): boolean {
  return path.startsWith("/");
}

/** A path without needless slashes and dots; `.` for an empty one. A slash at its end stays. */
export function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== ".." || (!isAbsolute(path) && (parts.at(-1) ?? "..") === "..")) parts.push(part);
    else parts.pop();
  }
  const clean = (isAbsolute(path) ? "/" : "") + parts.join("/");
  if (parts.length > 0 && path.endsWith("/")) return `${clean}/`;
  return clean === "" ? (path.endsWith("/") ? "./" : ".") : clean;
}

/** One path after the other, with slashes between them, without needless ones and dots. */
export function join(...paths: readonly string[]): string {
  return normalize(paths.filter((path) => path !== "").join("/"));
}

/** The path of what holds the last part, without a slash at its end. */
export function dirname(path: string): string {
  const trimmed = withoutEnd(path);
  const slash = trimmed.lastIndexOf("/");
  if (slash < 0) return trimmed === "" && isAbsolute(path) ? "/" : ".";
  return withoutEnd(trimmed.slice(0, slash)) || "/";
}

/** The last part of a path. */
export function basename(path: string): string {
  const trimmed = withoutEnd(path);
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/**
 * The path as seen from the root, without needless slashes and dots.
 *
 * @param workingDirectory Tells what a relative path is seen from; not asked for an absolute one.
 */
export function absolute(path: string, workingDirectory: () => string): string {
  const whole = normalize(isAbsolute(path) ? path : `${workingDirectory()}/${path}`);
  return withoutEnd(whole) || "/";
}

function withoutEnd(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") end--;
  return path.slice(0, end);
}
