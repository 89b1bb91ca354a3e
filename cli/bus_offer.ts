import { loadModule } from "../lib/runtime/load_module.ts";
import type { BusOffers } from "./bus_services.ts";
import type { CommandContext } from "./command_context.ts";

/** What the daemon offers on the system's D-Bus, which can be switched on and off. */
export class BusOffer {
  readonly #context: CommandContext;
  readonly #offers: BusOffers;
  #end: AbortController | undefined;
  #kept: Promise<void> = Promise.resolve();

  /** Nothing is offered yet. */
  constructor(context: CommandContext, offers: BusOffers) {
    this.#context = context;
    this.#offers = offers;
  }

  /** Switches it on or off. */
  enable(isOn: boolean): void {
    if (isOn === (this.#end !== undefined)) return;
    this.#end?.abort();
    this.#end = undefined;
    if (!isOn) return;
    const { signal } = this.#end = new AbortController();
    this.#kept = this.#kept.then(async () => {
      // Not before: most devices have nobody to talk to there.
      try {
        const { keepServices } = await loadModule(() => import("./bus_services.ts"));
        await keepServices(this.#context, this.#offers, signal);
      } catch (error) {
        this.#context.logger.log("error", "Nothing is offered on the D-Bus", {}, error);
      }
    });
  }

  /** Ends it; settles once the connection is closed. */
  async end(): Promise<void> {
    this.enable(false);
    await this.#kept;
  }
}
