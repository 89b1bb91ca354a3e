import { checkDeploymentId } from "../core/deployment_id.ts";
import { ApiError } from "../core/errors.ts";
import { anything, list, look, object, optional, text } from "../core/shape.ts";
import type { Clock } from "../runtime/clock.ts";
import { type DeviceSession, jsonBody, type SessionCall } from "./device_session.ts";
import type { ApiAnswer } from "./exchange.ts";
import { refusal } from "./refusal.ts";

/** A deployment that the server offers. */
export interface DeploymentOffer {
  /** Deployment ID; safe in file names and URLs. */
  readonly id: string;
  /** Name of the Artifact to install. */
  readonly artifactName: string;
  /** Device types that it is for. */
  readonly deviceTypes: readonly string[];
  /** Where it can be fetched, `http:` or `https:`. A secret: whoever has the link can read it. */
  readonly uri: string;
  /** Update Control Map for this deployment, unchecked; absent when the server has none. */
  readonly controlMap?: unknown;
}

/** What the device says about itself when it asks: `device_type`, `artifact_name` and more. */
export type DeviceProvides = Readonly<Record<string, string>> & {
  readonly device_type: string;
  readonly artifact_name: string;
};

const ANSWER = object({
  id: text(),
  artifact: object({
    artifact_name: text(1, 4096),
    device_types_compatible: list(text(), 1),
    source: object({ uri: text() }),
  }),
  update_control_map: optional(anything),
});

const V1_PATH = "/api/devices/v1/deployments/device/deployments/next";
const V2_PATH = "/api/devices/v2/deployments/device/deployments/next";

type Route = (provides: DeviceProvides) => SessionCall;

/** In the order in which they are tried; a server without one answers 404. */
const ROUTES: readonly Route[] = [
  (provides) => ({
    method: "POST",
    path: V2_PATH,
    ...jsonBody({ device_provides: provides, update_control_map: true }),
  }),
  (provides) => ({ method: "POST", path: V1_PATH, ...jsonBody(provides) }),
  ({ artifact_name, device_type }) => ({
    method: "GET",
    path: `${V1_PATH}?${new URLSearchParams({ artifact_name, device_type })}`,
  }),
];

/**
 * Asks for the next deployment. Remembers which of the routes the server has.
 *
 * @see device-api section 3
 */
export class NextDeploymentPoll {
  readonly #session: DeviceSession;
  readonly #clock: Clock;
  #known: { readonly server: string | undefined; readonly route: Route } | undefined;
  /** The last call: the next one is most often the same. */
  #made:
    | { readonly route: Route; readonly provides: DeviceProvides; readonly call: SessionCall }
    | undefined;

  /** Makes a poll; nothing is sent. */
  constructor(session: DeviceSession, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  /**
   * Asks once.
   *
   * @returns The offer, or `undefined` when there is nothing to do.
   * @throws {ApiError} `api.refused` (409: what the device provides has changed while a deployment was
   * open, and the server has ended that one), `api.server-error`, `api.bad-answer`,
   * `api.bad-deployment-id`, or as {@link DeviceSession.call}.
   */
  async ask(provides: DeviceProvides, signal?: AbortSignal): Promise<DeploymentOffer | undefined> {
    const answer = await this.#askRoutes(provides, signal);
    if (answer.status === 204) return undefined;
    if (answer.status !== 200) throw refusal("ask for a deployment", answer, this.#clock.now());
    return parseOffer(answer.text);
  }

  async #askRoutes(provides: DeviceProvides, signal?: AbortSignal): Promise<ApiAnswer> {
    const known = this.#known?.server === this.#session.server ? this.#known : undefined;
    const routes = known === undefined ? ROUTES : [known.route];
    let answer: ApiAnswer | undefined;
    for (const route of routes) {
      answer = await this.#session.call(this.#callOf(route, provides), signal);
      if (answer.status === 404) continue;
      this.#known = { server: this.#session.server, route };
      return answer;
    }
    this.#known = undefined;
    return answer!;
  }

  #callOf(route: Route, provides: DeviceProvides): SessionCall {
    if (this.#made?.route !== route || this.#made.provides !== provides) {
      this.#made = { route, provides, call: route(provides) };
    }
    return this.#made.call;
  }
}

/**
 * Reads the answer to `next`.
 *
 * @throws {ApiError} `api.bad-answer` says what is missing; `api.bad-deployment-id`.
 */
export function parseOffer(body: string): DeploymentOffer {
  const found = look(ANSWER, parseJson(body));
  if (!found.isFit) throw badAnswer(found.why);
  const { id, artifact, update_control_map: controlMap } = found.value;
  const uri = URL.canParse(artifact.source.uri) ? new URL(artifact.source.uri) : undefined;
  if (uri?.protocol !== "http:" && uri?.protocol !== "https:") {
    throw badAnswer("artifact.source.uri: wanted an http or https address");
  }
  return {
    id: checkDeploymentId(id),
    artifactName: artifact.artifact_name,
    deviceTypes: artifact.device_types_compatible,
    uri: uri.href,
    ...(controlMap !== undefined && controlMap !== null && { controlMap }),
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw badAnswer("it is no JSON", error);
  }
}

function badAnswer(why: string, cause?: unknown): ApiError {
  return new ApiError("api.bad-answer", `Cannot use the server's answer to the poll: ${why}`, {
    cause,
  });
}
