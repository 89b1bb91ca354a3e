/** What a file is. */
export type FileKind = "file" | "directory" | "link" | "block" | "fifo" | "socket" | "character";

/** Kinds of files, by the bits that Go gives them in a file mode. */
const KIND_BITS: Readonly<Record<FileKind, number>> = {
  file: 0,
  directory: 2 ** 31,
  link: 2 ** 27,
  block: 2 ** 26,
  fifo: 2 ** 25,
  socket: 2 ** 24,
  character: 2 ** 26 + 2 ** 21,
};

/** Pairs of a Unix bit and Go's bit of the same meaning: set-user-ID, set-group-ID, sticky. */
const SPECIAL_BITS = [[0o4000, 2 ** 23], [0o2000, 2 ** 22], [0o1000, 2 ** 20]] as const;

/**
 * Mode of a file as Go counts it: nine permission bits, and bits of Go's own for the rest.
 *
 * @param mode Unix permission bits, set-id and sticky bits included.
 * @see contracts/connect-protocol.md section 7
 */
export function goFileMode(kind: FileKind, mode: number): number {
  const special = SPECIAL_BITS.filter(([unix]) => (mode & unix) !== 0)
    .reduce((sum, [, go]) => sum + go, 0);
  return KIND_BITS[kind] + special + (mode & 0o777);
}

/**
 * Unix permission bits of a mode that a peer sent: Go's set-id and sticky bits, and Unix bits that a
 * peer put there instead, count alike.
 */
export function unixMode(goMode: number): number {
  const special = SPECIAL_BITS.filter(([unix, go]) => hasBit(goMode, go) || hasBit(goMode, unix))
    .reduce((sum, [unix]) => sum | unix, 0);
  return special | (goMode % 0o1000);
}

/** The bit operators of JavaScript end at 31 bits. */
function hasBit(mode: number, bit: number): boolean {
  return Math.floor(mode / bit) % 2 === 1;
}
