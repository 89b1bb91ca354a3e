/** What a runtime says where a directory cannot be removed as a file. */
export function directoryError(path: string): Error {
  const error = new Error(`EISDIR: directory where a file was wanted, unlink '${path}'`);
  return Object.assign(error, { code: "EISDIR", path });
}
