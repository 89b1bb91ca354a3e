import { ApiError, AuthError, type MenderError, type RetryAdvice } from "../core/errors.ts";
import { isJsonObject } from "../core/json.ts";
import { parseRetryAfter } from "../core/retry_after.ts";
import type { ApiAnswer } from "./exchange.ts";

/** Statuses of the 4xx that may be different next time. */
const MAY_PASS: readonly number[] = [401, 403, 404, 408, 409, 421, 423, 425, 429];

/**
 * Turns an answer that is no success into an error that says what the server said.
 *
 * 401 and 403: {@link AuthError} `auth.unauthorized`. Others: {@link ApiError} `api.too-large` (413),
 * `api.refused` (other 4xx) or `api.server-error` (the rest). `Retry-After` becomes the error's advice,
 * whatever the status; without it, a 4xx that says the request itself is wrong is not worth another try.
 *
 * @param what What could not be done, as in "send the inventory".
 * @param nowMs Wall-clock time, for a `Retry-After` date.
 */
export function refusal(what: string, answer: ApiAnswer, nowMs: number): MenderError {
  const { status } = answer;
  const { said, bodyRequestId } = readBody(answer.text);
  const requestId = answer.headers.get("x-men-requestid") ?? bodyRequestId;
  const message = `Cannot ${what}: the server answered ${status}${said === "" ? "" : ` (${said})`}${
    requestId === undefined ? "" : `, request ${requestId.slice(0, 64)}`
  }`;
  const afterMs = parseRetryAfter(answer.headers.get("retry-after"), nowMs);
  const isFinal = status >= 400 && status < 500 && !MAY_PASS.includes(status);
  const retry: RetryAdvice = afterMs !== undefined ? { afterMs } : isFinal ? "never" : "later";
  if (status === 401 || status === 403) {
    return new AuthError("auth.unauthorized", message, { retry });
  }
  if (status === 413) return new ApiError("api.too-large", message, { retry });
  const isRefused = status >= 400 && status < 500;
  return new ApiError(isRefused ? "api.refused" : "api.server-error", message, { retry });
}

/** What the server's usual JSON answer says, else the start of whatever it sent. */
function readBody(body: string): { said: string; bodyRequestId: string | undefined } {
  let text = body;
  let bodyRequestId: string | undefined;
  try {
    const json: unknown = JSON.parse(body);
    if (isJsonObject(json)) {
      if (typeof json["error"] === "string") text = json["error"];
      if (typeof json["request_id"] === "string") bodyRequestId = json["request_id"];
    }
  } catch {
    // A proxy's page or plain text: shown as it is.
  }
  return { said: text.replace(/\s+/g, " ").trim().slice(0, 200), bodyRequestId };
}
