import type { Clock } from "../runtime/clock.ts";
import type { DeploymentEvent } from "./context.ts";

/** Least number of bytes between two events that are less than a second apart. */
const STEP_BYTES = 256 * 1024;
/** Longest time without an event while bytes arrive, in milliseconds. */
const STEP_MS = 1000;
/** Time over which the rate is taken, in milliseconds. */
const WINDOW_MS = 10_000;
/** Least time that says anything about a rate, in milliseconds. */
const LEAST_MS = 500;

/** Turns the bytes of a download into events, few enough to cost nothing, with the rate of late. */
export class ProgressReport {
  readonly #clock: Clock;
  readonly #deploymentId: string;
  readonly #onEvent: (event: DeploymentEvent) => void;
  #told: { readonly atMs: number; readonly bytes: number } | undefined;
  /** What the rate is taken from: moments of the window, the oldest first. */
  #moments: { readonly atMs: number; readonly bytes: number }[] = [];

  /** Makes a report on one deployment. */
  constructor(
    clock: Clock,
    deploymentId: string,
    onEvent: (event: DeploymentEvent) => void,
  ) {
    this.#clock = clock;
    this.#deploymentId = deploymentId;
    this.#onEvent = onEvent;
  }

  /** So many bytes are stored now; tells it when enough has happened since the last time. */
  tell(receivedBytes: number, totalBytes: number | undefined): void {
    const atMs = this.#clock.monotonic();
    const told = this.#told;
    if (told !== undefined && receivedBytes !== totalBytes) {
      const isSmall = Math.abs(receivedBytes - told.bytes) < STEP_BYTES;
      if (isSmall && atMs - told.atMs < STEP_MS) return;
    }
    this.#told = { atMs, bytes: receivedBytes };
    this.#onEvent({
      type: "progress",
      deploymentId: this.#deploymentId,
      receivedBytes,
      totalBytes,
      bytesPerSecond: this.#rate(atMs, receivedBytes),
    });
  }

  #rate(atMs: number, bytes: number): number | undefined {
    // What was forgotten, because the file has changed, is no rate.
    if (bytes < (this.#moments.at(-1)?.bytes ?? 0)) this.#moments = [];
    this.#moments.push({ atMs, bytes });
    while (this.#moments.length > 2 && atMs - this.#moments[1]!.atMs >= WINDOW_MS) {
      this.#moments.shift();
    }
    const first = this.#moments[0]!;
    const elapsedMs = atMs - first.atMs;
    return elapsedMs < LEAST_MS ? undefined : Math.round((bytes - first.bytes) * 1000 / elapsedMs);
  }
}
