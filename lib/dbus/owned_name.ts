import { type Logger, silentLogger } from "../core/logger.ts";
import { type BusConnection, NAME_FLAGS } from "./bus_connection.ts";

/** Options of services of ours. */
export interface NameOptions {
  /** Waits for its turn while another program owns the name, instead of taking it from that one. */
  readonly isPatient?: boolean;
  /** Told when the name is lost to another program, and when it is ours again. */
  readonly logger?: Logger;
}

/**
 * A name of a service of ours on a connection. Like mender, we give way to a program that asks for it
 * later; then we wait for our turn.
 */
export class OwnedName {
  readonly #bus: BusConnection;
  readonly #name: string;
  /** From the beginning: a first call may come together with the answer that the name is ours. */
  #isOurs = true;

  /** Nothing is asked for before {@link request}. */
  constructor(bus: BusConnection, name: string) {
    this.#bus = bus;
    this.#name = name;
  }

  /** Whether calls to the name are for us. */
  get isOurs(): boolean {
    return this.#isOurs;
  }

  /**
   * Asks for the name, and follows who has it for as long as the connection lives.
   *
   * @returns Whether the name is ours at once.
   * @throws {BusError} `bus.access-denied`: this user may not own the name.
   */
  async request({ isPatient = false, logger = silentLogger }: NameOptions = {}): Promise<boolean> {
    const { allowReplacement, replaceExisting } = NAME_FLAGS;
    const flags = allowReplacement + (isPatient ? 0 : replaceExisting);
    this.#isOurs = await this.#bus.requestName(this.#name, flags);
    await this.#bus.watchName(this.#name, `watch the D-Bus name ${this.#name}`, (owner) => {
      const isOursNow = owner === this.#bus.uniqueName;
      if (this.#isOurs && !isOursNow) {
        logger.log("warning", `Another program took over the D-Bus name ${this.#name}`, { owner });
      } else if (!this.#isOurs && isOursNow) {
        logger.log("info", `The D-Bus name ${this.#name} is ours again`);
      }
      this.#isOurs = isOursNow;
    });
    return this.#isOurs;
  }
}
