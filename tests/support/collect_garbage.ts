import { waitUntil } from "./wait.ts";

/** Size of each buffer that is dropped: large ones make a runtime collect soon, old things included. */
const DROPPED_BYTES = 8 << 20;
/** Collections that must have happened: what is young at the first is old at the last. */
const ROUNDS = 3;

/** Waits until the garbage collector has taken what nobody holds; on any runtime, without a flag. */
export async function collectGarbage(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    let isTaken = false;
    const registry = new FinalizationRegistry(() => isTaken = true);
    registerSomething(registry);
    await waitUntil("a collection", () => {
      for (let n = 0; n < 8; n++) new Uint8Array(DROPPED_BYTES).fill(n);
      return isTaken;
    }, 60_000);
  }
}

/** In a frame of its own, so that nothing of it is left. */
function registerSomething(registry: FinalizationRegistry<undefined>): void {
  registry.register({ nobody: "holds this" }, undefined);
}
