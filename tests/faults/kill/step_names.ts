import { basename } from "node:path";
import type { FileDriver, FileHandle } from "../../../lib/runtime/files/file_driver.ts";

/**
 * Watches a file driver and names each call that changes something durable, just before it takes effect:
 * `sync deployment.json (downloading)`, `sync directory after rename update.lock`.
 *
 * @param before Told the name; what it throws is what the call throws.
 */
export function watchSteps(files: FileDriver, before: (step: string) => void): FileDriver {
  /** Phase in the record that is being written. */
  let phase = "";
  let last = "";
  const step = (call: string, path: string): void => {
    const name = nameOf(path);
    const detail = name === "deployment.json" && call !== "create" ? ` (${phase})` : "";
    const told = `${call} ${name}${detail}`;
    before(told);
    last = told;
  };
  const watched = (handle: FileHandle, path: string): FileHandle => ({
    read: (buffer, position) => handle.read(buffer, position),
    write(buffer, position) {
      if (nameOf(path) === "deployment.json") {
        phase = /"phase": "(\w+)"/.exec(new TextDecoder().decode(buffer))?.[1] ?? "";
      }
      step("write", path);
      handle.write(buffer, position);
    },
    truncate(size) {
      step("truncate", path);
      handle.truncate(size);
    },
    stat: () => handle.stat(),
    changeMode(mode) {
      step("change mode of", path);
      handle.changeMode(mode);
    },
    changeOwner(uid, gid) {
      step("change owner of", path);
      handle.changeOwner(uid, gid);
    },
    syncInBackground() {
      step("sync", path);
      return handle.syncInBackground();
    },
    sync() {
      step("sync", path);
      handle.sync();
    },
    close: () => handle.close(),
  });
  return {
    open(path, mode, options) {
      const isNew = mode !== "read" && files.stat(path) === undefined;
      if (isNew) step("create", path);
      const handle = files.open(path, mode, options);
      return mode === "read" ? handle : watched(handle, path);
    },
    stat: (path, options) => files.stat(path, options),
    list: (path) => files.list(path),
    makeDirectory(path, permissions) {
      step("make", path);
      files.makeDirectory(path, permissions);
    },
    rename(from, to) {
      step("rename", to);
      files.rename(from, to);
    },
    link(from, to) {
      step("link", to);
      files.link(from, to);
    },
    remove(path) {
      if (files.stat(path) !== undefined) step("remove", path);
      return files.remove(path);
    },
    removeTree: (path) => files.removeTree(path),
    syncBeside: (path) => files.syncBeside(path),
    syncDirectory(path) {
      before(`sync directory after ${last}`);
      files.syncDirectory(path);
    },
    changeMode(path, mode) {
      step("change mode of", path);
      files.changeMode(path, mode);
    },
    realPath: (path) => files.realPath(path),
    isExecutable: (path) => files.isExecutable(path),
    freeBytes: (path) => files.freeBytes(path),
    makeTemporaryDirectory: (prefix) => files.makeTemporaryDirectory(prefix),
  };
}

/** The name of a file without what differs from run to run, and without the side file in its stead. */
function nameOf(path: string): string {
  return basename(path)
    .replace(/^\.(.*?)(\.[0-9a-f-]{36})?\.new$/, "$1")
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, "<id>");
}
