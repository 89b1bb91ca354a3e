import { fetchControlMap } from "../api/control_map_call.ts";
import type { DeviceSession } from "../api/device_session.ts";
import type { ControlState } from "../control/control_map.ts";
import { badMap } from "../control/control_map.ts";
import { readControlMap } from "../control/control_map_json.ts";
import type { LivePool } from "../control/live_pool.ts";
import type { Verdict } from "../control/map_pool.ts";
import { ControlError, isMenderError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import type { Clock } from "../runtime/clock.ts";

/** What an {@link UpdateGate} works with. */
export interface UpdateGateOptions {
  /** The maps of this device. */
  readonly maps: LivePool;
  /** The device's standing with its server. */
  readonly session: DeviceSession;
  /** Time. */
  readonly clock: Clock;
  /** Longest wait before the server is asked again for its map, in milliseconds. */
  readonly updatePollMs: number;
  /** Longest such wait after the server could not be asked. */
  readonly retryPollMs: number;
}

/** What was answered at a point. */
export interface GateAnswer {
  /** Whether the update may go on; `gone`: the server does not want the deployment any more. */
  readonly verdict: Verdict | "gone";
  /** State of the maps right after the question, to be waited from. */
  readonly revision: number;
}

/**
 * Where an update asks whether it may go on: the maps of applications on the device, and that of the
 * server for the deployment, decide together.
 *
 * @see contracts/update-control.md section 5 and section 7
 */
export class UpdateGate {
  readonly #options: UpdateGateOptions;
  #isServerSilent = false;

  /** Asks nobody yet. */
  constructor(options: UpdateGateOptions) {
    this.#options = options;
  }

  /** The maps. */
  get maps(): LivePool {
    return this.#options.maps;
  }

  /**
   * Takes the map that came with a deployment, in place of all of that ID; or removes those.
   *
   * @throws {ControlError} `control.bad-map`, `control.not-json`: the deployment is to fail, as in mender.
   */
  takeOffered(deploymentId: string, offered: unknown): void {
    const map = offered === undefined ? undefined : readControlMap(offered);
    if (map !== undefined && map.id !== deploymentId) {
      throw badMap("id", `"${map.id}" is not the ID of the deployment`);
    }
    this.maps.setForDeployment(deploymentId, map);
  }

  /**
   * Asks whether the deployment may pass a point. Asking has an effect on the maps.
   *
   * A server that does not answer leaves its map as it is, until that expires.
   *
   * @throws {ControlError} The server's map is invalid now.
   */
  async ask(
    deploymentId: string,
    state: ControlState,
    logger: Logger,
    signal: AbortSignal,
  ): Promise<GateAnswer> {
    const answer = await this.#refresh(deploymentId, logger, signal);
    const verdict = answer === "gone" ? answer : this.maps.ask(state);
    return { verdict, revision: this.maps.revision };
  }

  /**
   * Waits until it makes sense to ask again.
   *
   * @param revision As the last question was answered with.
   * @param limitMs Longest wait; absent: as long as it takes.
   * @returns Whether to ask again; `false` after `limitMs`.
   */
  async changedSince(
    deploymentId: string,
    revision: number,
    signal: AbortSignal,
    limitMs = Infinity,
  ): Promise<boolean> {
    const { updatePollMs, retryPollMs } = this.#options;
    const askMs = !this.#hasMapOfServer(deploymentId)
      ? Infinity
      : this.#isServerSilent
      ? Math.min(updatePollMs, retryPollMs)
      : updatePollMs;
    const isChanged = await this.maps.changedSince(revision, signal, Math.min(askMs, limitMs));
    return isChanged || askMs <= limitMs;
  }

  /** Forgets what was meant for a deployment that is over, and what has expired: the device is idle. */
  idle(deploymentId: string | undefined): void {
    if (deploymentId !== undefined && this.#hasMapOfServer(deploymentId)) {
      this.maps.setForDeployment(deploymentId, undefined);
    }
    this.maps.dropExpired();
  }

  #hasMapOfServer(deploymentId: string): boolean {
    return this.maps.maps.some(({ map }) => map.id === deploymentId);
  }

  async #refresh(
    deploymentId: string,
    logger: Logger,
    signal: AbortSignal,
  ): Promise<"gone" | "known"> {
    if (!this.#hasMapOfServer(deploymentId)) return "known";
    const { session, clock } = this.#options;
    try {
      const answer = await fetchControlMap(session, clock, deploymentId, signal);
      this.#isServerSilent = false;
      if (answer === "gone") return "gone";
      if (answer !== "none") this.takeOffered(deploymentId, withId(answer.map, deploymentId));
    } catch (error) {
      if (signal.aborted || !isMenderError(error) || error instanceof ControlError) throw error;
      if (error.code.startsWith("auth.") || error.code.startsWith("store.")) throw error;
      if (!this.#isServerSilent) {
        logger.log("warning", "Cannot ask for the server's Update Control Map", {}, error);
      }
      this.#isServerSilent = true;
    }
    return "known";
  }
}

/** In the answer to a refresh the ID stands in the address, and need not be repeated. */
function withId(map: unknown, id: string): unknown {
  return typeof map === "object" && map !== null && !("id" in map) ? { ...map, id } : map;
}
