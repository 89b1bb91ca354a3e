import { isMenderError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { ClientEvent } from "./client_event.ts";
import { tenths } from "./daemon_status.ts";

/** Tells, in the log and as events, of what failed and will be tried again. */
export class FailureTeller {
  readonly #logger: Logger;
  readonly #tell: (event: ClientEvent) => void;
  #isPendingTold = false;

  /** Tells `logger` and `tell`. */
  constructor(logger: Logger, tell: (event: ClientEvent) => void) {
    this.#logger = logger;
    this.#tell = tell;
  }

  /** The server has let the device in: when it does not any more, that is news again. */
  letIn(): void {
    this.#isPendingTold = false;
  }

  /**
   * Tells of a failure.
   *
   * @param what What was to be done, as in "send the inventory".
   * @param waitMs Until it is tried again.
   */
  failed(what: string, error: unknown, waitMs: number): void {
    const nextAttemptSeconds = tenths(waitMs);
    const fields = { next_attempt_seconds: nextAttemptSeconds };
    if (isMenderError(error, "auth.unauthorized")) {
      // Pending is no error: an operator has to accept the device, which may take days.
      const level = this.#isPendingTold ? "debug" : "info";
      this.#isPendingTold = true;
      this.#logger.log(level, "Not accepted by the server yet; asking again", fields, error);
      this.#tell({ type: "pending", nextAttemptSeconds });
      return;
    }
    const known = isMenderError(error) ? error : undefined;
    const hint = known?.hint === undefined ? {} : { hint: known.hint };
    this.#logger.log(known === undefined ? "error" : "warning", `Failed to ${what}`, {
      ...fields,
      ...(known !== undefined && { code: known.code, ...hint }),
    }, error);
    const code = known?.code ?? "internal";
    this.#tell({
      type: "failure",
      what,
      code,
      message: messageOf(error),
      ...hint,
      nextAttemptSeconds,
    });
  }
}
