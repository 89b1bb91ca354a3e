import { generateKeyPairSync } from "node:crypto";
import { DeviceSession } from "../../lib/api/device_session.ts";
import type { DeviceSessionOptions } from "../../lib/api/device_session.ts";
import type { DeviceKey } from "../../lib/keys/device_key.ts";
import { deviceKeyOf } from "../../lib/keys/node_key.ts";
import { FakeClock } from "./fake_clock.ts";
import { logRecorder } from "./log_recorder.ts";
import {
  type Script,
  type ScriptedAnswer,
  ScriptedHttp,
  type SeenRequest,
} from "./scripted_http.ts";

/** A key of the kind that is quickest to make. */
export const quickKey: DeviceKey = deviceKeyOf(
  generateKeyPairSync("ed25519").privateKey,
  "ed25519",
);

/** Path of the authentication call. */
export const AUTHENTICATION = "/api/devices/v1/authentication/auth_requests";

/** A token as a server gives it; each number makes another one. */
export function tokenOf(number: number): string {
  return `eyJhbGciOiJFZERTQSJ9.${btoa(`{"n":${number}}`).replaceAll("=", "")}.c2ln`;
}

/** A session over a scripted server, and all that a test looks at. */
export interface SessionRig {
  /** The session. */
  readonly session: DeviceSession;
  /** What was asked. */
  readonly http: ScriptedHttp;
  /** Its time. */
  readonly clock: FakeClock;
  /** Tokens that the session told of. */
  readonly tokens: string[];
}

/** Makes a session on any script. */
export function sessionOn(
  script: Script | readonly ScriptedAnswer[],
  options: Partial<DeviceSessionOptions> = {},
): SessionRig {
  const [http, clock, tokens] = [new ScriptedHttp(script), new FakeClock(), [] as string[]];
  const session = new DeviceSession({
    http,
    clock,
    logger: logRecorder(),
    servers: ["https://one.example"],
    tenantToken: undefined,
    credentials: () => Promise.resolve({ key: quickKey, identity: '{"mac":"02:00"}' }),
    onToken: (token) => void tokens.push(token),
    ...options,
  });
  return { session, http, clock, tokens };
}

/** Makes a session whose server gives a new token at each authentication; `answer` is for the rest. */
export function authorisedOn(
  answer: (request: SeenRequest, call: number) => ScriptedAnswer,
  options: Partial<DeviceSessionOptions> = {},
): SessionRig {
  let [tokens, calls] = [0, 0];
  return sessionOn((request) => {
    return request.path === AUTHENTICATION ? { body: tokenOf(++tokens) } : answer(request, calls++);
  }, options);
}
