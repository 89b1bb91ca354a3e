import type { LivePool } from "../control/live_pool.ts";
import type { Device } from "../device/device.ts";
import type { ControlMapsFile } from "../store/control_maps_file.ts";
import { gateAnswer, type GateQuestion } from "./control/gate_answer.ts";
import type { ControlAnswer } from "./control/protocol.ts";

/** What a {@link LocalGate} works with. */
export interface LocalGateOptions {
  /** The stored maps. */
  readonly file: Pick<ControlMapsFile, "read">;
  /** Opens the device with these maps, or with maps of its own. The caller closes it. */
  readonly open: (maps: LivePool | undefined) => Promise<Device>;
  /** Tells this process apart from others. */
  readonly mark: string;
  /** Ends a wait. */
  readonly signal: AbortSignal;
}

/** Longest wait before it is looked whether a daemon has come. */
const LOOK_MS = 2000;

/**
 * The points of a sub-updater while no daemon runs: the stored maps still hold it. Their lives go on from
 * one question to the next, as they would in a daemon.
 */
export class LocalGate {
  readonly #options: LocalGateOptions;
  #maps: LivePool | undefined;
  #revision = 0;
  #text: string | undefined;

  /** Opens nothing yet. */
  constructor(options: LocalGateOptions) {
    this.#options = options;
  }

  /**
   * Answers a question, holding the instance for no longer than that takes.
   *
   * @throws What opening and asking the device throws.
   */
  async ask(question: GateQuestion): Promise<ControlAnswer> {
    const { file, open, mark, signal } = this.#options;
    const text = file.read();
    if (text === undefined) return { ok: true, verdict: "continue" };
    // A daemon has come and gone meanwhile.
    if (text !== this.#text) this.#maps = undefined;
    const { since } = question;
    const isAsBefore = since !== undefined && this.#maps?.revision === this.#revision;
    if (isAsBefore) return { ok: true, verdict: "pause", since };
    const device = await open(this.#maps);
    try {
      const answer = await gateAnswer({
        mark,
        device: {
          askGate: device.askGate.bind(device),
          announceHeld: device.announceHeld.bind(device),
          // It was waited already, without holding the instance.
          gateChanged: () => Promise.resolve(true),
        },
        signal,
        perform: (work) => work(device, signal),
      }, question);
      this.#maps = device.maps;
      this.#revision = device.maps.revision;
      this.#text = file.read();
      return answer;
    } finally {
      device.close();
    }
  }

  /** Waits a little, or until the maps that are known here change. */
  async wait(): Promise<void> {
    await this.#maps?.changedSince(this.#revision, this.#options.signal, LOOK_MS);
  }

  /** A daemon has answered: the maps are its own again. */
  forget(): void {
    this.#maps = undefined;
  }
}
