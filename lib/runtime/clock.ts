import { onAbort } from "./on_abort.ts";

/**
 * Time. Wall-clock time is for people, time stamps and certificates only; every wait and every limit
 * counts on the monotonic clock, because the wall clock of a device may jump by decades.
 */
export interface Clock {
  /** Milliseconds since 1970, as the device believes. */
  now(): number;
  /** Milliseconds since some fixed point; never goes back. */
  monotonic(): number;
  /** Calls back once after a time; the returned function cancels. A timer never keeps time itself. */
  after(delayMs: number, callback: () => void): () => void;
}

/**
 * Waits.
 *
 * @throws The signal's reason, at once when it is aborted.
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.after(delayMs, () => {
      forget();
      resolve();
    });
    const forget = onAbort(signal, () => {
      cancel();
      reject(signal?.reason);
    });
  });
}

/**
 * Waits for some work, but no longer than `limitMs`; the work goes on, and nobody hears of it any more.
 *
 * @returns Whether it has ended.
 * @throws What the work throws until then.
 */
export function endsWithin(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown>,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => resolve(false));
    work.finally(cancel).then(() => resolve(true), reject);
  });
}

/**
 * Waits for some work as {@link endsWithin}, and gives what comes of it.
 *
 * @throws What the work throws; what `makeError` makes, at the limit.
 */
export async function within<T>(
  clock: Clock,
  limitMs: number,
  makeError: () => Error,
  work: Promise<T>,
): Promise<T> {
  if (await endsWithin(clock, limitMs, work)) return await work;
  throw makeError();
}

/** A time limit that can be disposed of before it strikes. */
export interface Deadline {
  /** Aborted at the limit, or when the outer signal is. */
  readonly signal: AbortSignal;
  /** Whether the limit itself struck. */
  readonly isExpired: boolean;
  /** Starts the time anew; nothing happens when the signal is aborted or the limit disposed of. */
  restart(): void;
  /** Stops the time until it is started anew. */
  pause(): void;
  /** Forgets the limit; the signal is never aborted by it afterwards. */
  dispose(): void;
}

/**
 * Makes a signal that is aborted after `limitMs` with `makeError()`, or when `outer` is aborted.
 * The owner must call `dispose` in a `finally`.
 */
export function startDeadline(
  clock: Clock,
  limitMs: number,
  makeError: () => Error,
  outer?: AbortSignal,
): Deadline {
  const controller = new AbortController();
  let isExpired = false;
  let isDisposed = false;
  let cancel = (): void => {};
  const restart = (): void => {
    cancel();
    if (isDisposed || controller.signal.aborted) return;
    cancel = clock.after(limitMs, () => {
      isExpired = true;
      controller.abort(makeError());
    });
  };
  const forget = onAbort(outer, () => {
    cancel();
    controller.abort(outer?.reason);
  });
  restart();
  return {
    signal: controller.signal,
    get isExpired() {
      return isExpired;
    },
    restart,
    pause: () => cancel(),
    dispose() {
      isDisposed = true;
      cancel();
      forget();
    },
  };
}
