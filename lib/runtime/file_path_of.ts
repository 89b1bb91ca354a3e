/** The path that a `file:` URL names on a POSIX system. */
export function filePathOf(url: URL | string): string {
  return decodeURIComponent(new URL(url).pathname);
}
