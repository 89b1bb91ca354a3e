import { ApiError, AuthError, type MenderError, type RetryAdvice } from "../core/errors.ts";
import { isJsonObject } from "../core/json.ts";
import { parseRetryAfter } from "../core/retry_after.ts";
import type { ApiAnswer } from "./exchange.ts";

/**
 * Turns an answer that is no success into an error that says what the server said.
 *
 * 401 and 403: {@link AuthError} `auth.unauthorized`. Others: {@link ApiError} `api.refused` (4xx) or
 * `api.server-error` (the rest). `Retry-After` becomes the error's advice, whatever the status.
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
  const retry: RetryAdvice = afterMs === undefined ? "later" : { afterMs };
  if (status === 401 || status === 403) {
    return new AuthError("auth.unauthorized", message, { retry });
  }
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
