import { RuntimeError } from "../core/errors.ts";

/**
 * Loads a module of the program that was not wanted before.
 *
 * A runtime keeps the failure of a module for as long as it runs: what could not be loaded once, because
 * there was no descriptor left, say, is not to be had before the next start. Whoever runs for long has to
 * end then.
 *
 * @throws {RuntimeError} `runtime.module`.
 */
export async function loadModule<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new RuntimeError("runtime.module", "Cannot load a part of the program", {
      cause,
      hint: "Start it again; if that does not help, install it again",
      retry: "never",
    });
  }
}
