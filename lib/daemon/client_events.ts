import { EventStream } from "../core/event_stream.ts";
import type { Clock } from "../runtime/clock.ts";
import type { ClientEvent } from "./client_event.ts";
import { DeploymentFollower, type DeploymentStatusView } from "./daemon_status.ts";

/** Most events that are kept for a reader that does not keep up. */
const MAX_UNREAD = 256;
/** Least time between two numbers of a download, in milliseconds; the last one is always told. */
const PROGRESS_STEP_MS = 500;

/** Hands out what happens to a client, to any number of readers, and knows the deployment in progress. */
export class ClientEvents {
  readonly #clock: Clock;
  readonly #follower = new DeploymentFollower();
  readonly #stream = new EventStream<ClientEvent>({
    maxUnread: MAX_UNREAD,
    lost: (count) => ({ type: "lost", count }),
  });
  #progressAtMs = -Infinity;

  /** Makes a stream without readers. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The deployment in progress, as far as it was heard of. */
  get deployment(): DeploymentStatusView | undefined {
    return this.#follower.view;
  }

  /** Takes an event, and hands it to all readers; waits for none. */
  readonly take = (event: ClientEvent): void => {
    this.#follower.take(event);
    if (event.type === "progress") {
      const now = this.#clock.monotonic();
      const isLast = event.receivedBytes === event.totalBytes;
      if (!isLast && now - this.#progressAtMs < PROGRESS_STEP_MS) return;
      this.#progressAtMs = now;
    }
    this.#stream.push(event);
  };

  /**
   * Begins to read. Leaving the loop ends it. A reader that falls behind loses the oldest events, and is
   * told how many (`lost`).
   *
   * @param onLeave Called once when the reader is done with.
   */
  subscribe(onLeave?: () => void): AsyncIterableIterator<ClientEvent> {
    return this.#stream.subscribe([], onLeave);
  }

  /** Ends all readers, once they have read what there is. */
  end(): void {
    this.#stream.end();
  }
}
