import { basename, dirname } from "node:path";
import type {
  FileDriver,
  FileHandle,
  FileInfo,
  OpenMode,
} from "../../../lib/runtime/files/file_driver.ts";

interface Inode {
  readonly number: number;
  readonly kind: "file" | "directory" | "other";
  mode: number;
  links: number;
  content: Uint8Array;
  /** What a power cut leaves of the content. */
  durable: Uint8Array;
  readonly entries: Map<string, Inode>;
  /** What a power cut leaves of the entries. */
  durableEntries: Map<string, Inode>;
}

/**
 * A disk that forgets, at a power cut, all that was not synced: the content of a file without fsync, the
 * entries of a directory without fsync of the directory. That is the least that POSIX promises; real
 * file systems forget less.
 */
export class MemoryDisk implements FileDriver {
  #inodes = 0;
  readonly #root = this.#make("directory");
  /** Calls that need space and are still refused with ENOSPC. */
  refusals = 0;

  /**
   * Cuts the power: what was not durable is gone.
   *
   * @param survives Says of each change that was not synced whether it has reached the disk all the same.
   */
  cutPower(survives: () => boolean = () => false): void {
    const restore = (inode: Inode): void => {
      if (!survives()) inode.content = inode.durable;
      inode.durable = inode.content;
      for (const name of new Set([...inode.entries.keys(), ...inode.durableEntries.keys()])) {
        const durable = inode.durableEntries.get(name);
        const entry = durable === inode.entries.get(name) || !survives()
          ? durable
          : inode.entries.get(name);
        if (entry === undefined) inode.entries.delete(name);
        else {
          inode.entries.set(name, entry);
          restore(entry);
        }
      }
      inode.durableEntries = new Map(inode.entries);
    };
    restore(this.#root);
  }

  /** Makes everything durable, as an orderly shutdown does. */
  syncAll(): void {
    const sync = (inode: Inode): void => {
      inode.durable = inode.content;
      inode.durableEntries = new Map(inode.entries);
      for (const entry of inode.entries.values()) sync(entry);
    };
    sync(this.#root);
  }

  /** Puts a file there, durably, from outside. */
  put(path: string, content: string | Uint8Array, mode = 0o644): void {
    this.makeDirectory(dirname(path), 0o755);
    const inode = this.#make("file", mode);
    inode.content = inode.durable = typeof content === "string"
      ? new TextEncoder().encode(content)
      : content.slice();
    const parent = this.#need(dirname(path));
    parent.entries.set(basename(path), inode);
    for (let at = path; at !== "/"; at = dirname(at)) {
      this.#need(dirname(at)).durableEntries.set(basename(at), this.#need(at));
    }
  }

  /** Puts a socket there. */
  putSocket(path: string): void {
    this.#need(dirname(path)).entries.set(basename(path), this.#make("other"));
  }

  /** Content of a file as it is now; `undefined` when there is none. */
  text(path: string): string | undefined {
    const inode = this.#find(path, (directory) => directory.entries);
    return inode && new TextDecoder().decode(inode.content);
  }

  /** Content that a power cut would leave. */
  durableText(path: string): string | undefined {
    const inode = this.#find(path, (directory) => directory.durableEntries);
    return inode && new TextDecoder().decode(inode.durable);
  }

  open(path: string, mode: OpenMode, options: { permissions?: number } = {}): FileHandle {
    const found = this.#find(path);
    if (mode === "create" && found !== undefined) throw failure("EEXIST", path);
    if (found === undefined && mode === "read") throw failure("ENOENT", path);
    if (found !== undefined && found.kind !== "file") throw failure("EISDIR", path);
    const inode = found ?? this.#enter(path, options.permissions ?? 0o600);
    return this.#handle(inode, mode, path);
  }

  stat(path: string): FileInfo | undefined {
    const inode = this.#find(path);
    return inode && infoOf(inode);
  }

  list(path: string): string[] {
    return [...this.#need(path).entries.keys()].sort();
  }

  makeDirectory(path: string, permissions = 0o700): void {
    if (this.#find(path) !== undefined) return;
    this.makeDirectory(dirname(path), permissions);
    this.#need(dirname(path)).entries.set(basename(path), this.#make("directory", permissions));
  }

  rename(from: string, to: string): void {
    const inode = this.#need(from);
    const replaced = this.#find(to);
    this.#need(dirname(to)).entries.set(basename(to), inode);
    this.#need(dirname(from)).entries.delete(basename(from));
    if (replaced !== undefined) replaced.links--;
  }

  link(from: string, to: string): void {
    if (this.#find(to) !== undefined) throw failure("EEXIST", to);
    const inode = this.#need(from);
    this.#need(dirname(to)).entries.set(basename(to), inode);
    inode.links++;
  }

  remove(path: string): boolean {
    const inode = this.#find(path);
    if (inode === undefined) return false;
    this.#need(dirname(path)).entries.delete(basename(path));
    inode.links--;
    return true;
  }

  removeTree(path: string): void {
    if (this.#find(path) !== undefined) this.#need(dirname(path)).entries.delete(basename(path));
  }

  syncBeside(path: string): Promise<void> {
    const inode = this.#need(path);
    inode.durable = inode.content;
    return Promise.resolve();
  }

  syncDirectory(path: string): void {
    const inode = this.#need(path);
    inode.durableEntries = new Map(inode.entries);
  }

  changeMode(path: string, mode: number): void {
    this.#need(path).mode = mode;
  }

  realPath(path: string): string {
    this.#need(path);
    return path; // there are no links
  }

  isExecutable(path: string): boolean {
    return ((this.#find(path)?.mode ?? 0) & 0o111) !== 0;
  }

  freeBytes(): number {
    return 1 << 30;
  }

  makeTemporaryDirectory(prefix: string): string {
    const path = `/tmp/${prefix}${++this.#inodes}`;
    this.makeDirectory(path);
    return path;
  }

  #handle(inode: Inode, mode: OpenMode, path: string): FileHandle {
    let at = 0;
    return {
      read(buffer, position = at) {
        const part = inode.content.subarray(position, position + buffer.length);
        buffer.set(part);
        at = position + part.length;
        return part.length;
      },
      write: (buffer, position = at) => {
        this.#spend(path);
        const start = mode === "append" ? inode.content.length : position;
        const size = Math.max(inode.content.length, start + buffer.length);
        const next = new Uint8Array(size);
        next.set(inode.content);
        next.set(buffer, start);
        inode.content = next;
        at = start + buffer.length;
      },
      truncate(size) {
        const next = new Uint8Array(size);
        next.set(inode.content.subarray(0, size));
        inode.content = next;
      },
      stat: () => infoOf(inode),
      changeMode: (mode) => void (inode.mode = mode),
      changeOwner() {},
      syncInBackground() {
        inode.durable = inode.content;
        return Promise.resolve();
      },
      sync: () => void (inode.durable = inode.content),
      close() {},
    };
  }

  #enter(path: string, mode: number): Inode {
    this.#spend(path);
    const inode = this.#make("file", mode);
    this.#need(dirname(path)).entries.set(basename(path), inode);
    return inode;
  }

  #spend(path: string): void {
    if (this.refusals === 0) return;
    this.refusals--;
    throw failure("ENOSPC", path);
  }

  #make(kind: Inode["kind"], mode = 0o600): Inode {
    const empty = new Uint8Array();
    return {
      number: ++this.#inodes,
      kind,
      mode,
      links: 1,
      content: empty,
      durable: empty,
      entries: new Map(),
      durableEntries: new Map(),
    };
  }

  #need(path: string): Inode {
    const inode = this.#find(path);
    if (inode === undefined) throw failure("ENOENT", path);
    return inode;
  }

  #find(
    path: string,
    entriesOf = (directory: Inode): Map<string, Inode> => directory.entries,
  ): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of path.split("/").filter((part) => part !== "")) {
      inode = inode && entriesOf(inode).get(name);
    }
    return inode;
  }
}

function infoOf(inode: Inode): FileInfo {
  return {
    kind: inode.kind,
    sizeBytes: inode.content.length,
    mode: inode.mode,
    links: inode.links,
    uid: 0,
    gid: 0,
    modifiedAtMs: 0,
    identity: `1:${inode.number}`,
  };
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: '${path}'`), { code, path });
}
