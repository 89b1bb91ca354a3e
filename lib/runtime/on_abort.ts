type Waiting = Set<{ readonly callback: () => void }>;

/** Who waits for which signal. */
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Calls back once when a signal is aborted; at once when it is already. To wait for the same signal again
 * and again, as everything that a daemon does does, costs little: each signal is listened to once, and one
 * listener calls all.
 *
 * @param signal Without one nothing is ever called.
 * @param callback Must not throw.
 * @returns Takes it back.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    callback();
    return nothing;
  }
  const waiting = waitingFor.get(signal) ?? listenTo(signal);
  const entry = { callback };
  waiting.add(entry);
  return () => void waiting.delete(entry);
}

function nothing(): void {}

function listenTo(signal: AbortSignal): Waiting {
  const waiting: Waiting = new Set();
  waitingFor.set(signal, waiting);
  signal.addEventListener("abort", () => {
    // One of them may take another one back.
    for (const entry of waiting) {
      waiting.delete(entry);
      entry.callback();
    }
  }, { once: true });
  return waiting;
}
