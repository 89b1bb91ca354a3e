import type { FileDriver, FileHandle } from "../../lib/runtime/files/file_driver.ts";

/**
 * A file driver that notes each call, and fails the ones that `fails` picks before they take effect.
 *
 * @param fails Given the call, as `rename` or `handle.write`, and its number from 1; gives an errno.
 */
export function faultyFiles(
  files: FileDriver,
  fails: (call: string, number: number) => string | undefined,
): { files: FileDriver; calls: string[] } {
  const calls: string[] = [];
  const watch = <T extends object>(target: T, prefix: string): T =>
    new Proxy(target, {
      get(object, name) {
        const value: unknown = Reflect.get(object, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const call = prefix + String(name);
          calls.push(call);
          const code = fails(call, calls.length);
          if (code !== undefined) {
            // A close that fails has closed the file nevertheless.
            if (call === "handle.close") value.apply(object, args);
            throw Object.assign(new Error(`${code}: ${call}`), { code });
          }
          const result: unknown = value.apply(object, args);
          return call === "open" ? watch(result as FileHandle, "handle.") : result;
        };
      },
    });
  return { files: watch(files, ""), calls };
}
