/**
 * What has to be done with the descriptor of a terminal's own side, and what each runtime can do. The
 * addon leaves it open for every program that is started afterwards. Deno's streams stop writing for ever
 * once a terminal was full (2.9.6). Node's take a program that has ended for the end of its output, though
 * some of it may be unread (20.20).
 *
 * @module
 */
import { closeSync, constants, existsSync, openSync, writeSync } from "node:fs";

/** Descriptors of a runtime. */
export interface MasterDescriptors {
  /** Put before a command: runs it without what it should not have inherited. */
  readonly prefix: readonly string[];
  /** Called for each new descriptor. */
  adopt(fd: number): void;
  /** Keeps a terminal from ending with its programs, if that is needed to read it to the end. */
  hold(path: string): () => void;
  /** Writes as much as fits, at once; 0 when nothing does. */
  writeSome(fd: number, bytes: Uint8Array): number;
}

const CLOSE_INHERITED = 'for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -gt 2 ] && ' +
  'eval "exec $fd>&-"; done; exec "$@"';

/** Of the shells only bash can close descriptors of two digits. */
const BASH = ["/bin/bash", "/usr/bin/bash"];

/** `undefined` where this runtime cannot do what is needed. */
export function masterDescriptors(): MasterDescriptors | undefined {
  return "Deno" in globalThis ? denoDescriptors() : nodeDescriptors();
}

function denoDescriptors(): MasterDescriptors {
  const { symbols } = Deno.dlopen("libc.so.6", {
    write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  });
  const [F_SETFD, FD_CLOEXEC] = [2, 1];
  return {
    prefix: [],
    adopt: (fd) => void symbols.fcntl(fd, F_SETFD, FD_CLOEXEC),
    hold: () => () => {},
    writeSome(fd, bytes) {
      const count = Number(
        symbols.write(fd, bytes as Uint8Array<ArrayBuffer>, BigInt(bytes.length)),
      );
      return Math.max(0, count); // -1: the terminal is full, or closed, which its reader tells
    },
  };
}

function nodeDescriptors(): MasterDescriptors | undefined {
  const bash = BASH.find((path) => existsSync(path));
  if (bash === undefined) return undefined;
  return {
    prefix: [bash, "-c", CLOSE_INHERITED, bash],
    adopt: () => {},
    hold(path) {
      const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
      return () => closeSync(fd);
    },
    writeSome(fd, bytes) {
      try {
        return writeSync(fd, bytes);
      } catch {
        return 0; // the terminal is full, or closed, which its reader tells
      }
    },
  };
}
