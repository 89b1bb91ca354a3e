import { isMenderError, type MenderError } from "../../core/errors.ts";
import { explainTlsFailure } from "./tls_failure.ts";

/** Why a request did not get to its server, in words. */
export interface TransportExplanation {
  /** The second half of a message: "Cannot reach ...: <why>". */
  readonly why: string;
  /** What the user can do. */
  readonly hint: string | undefined;
}

/**
 * Says why a request did not get to its server, where more is known than the runtime's own words: TLS,
 * a proxy, or a silence. For the message and the hint of an error that keeps `error` as its cause.
 *
 * @param error What an HTTP driver threw, or the reading of a body.
 * @param nowMs Wall-clock time, milliseconds since 1970.
 */
export function explainTransportFailure(
  error: unknown,
  nowMs: number,
): TransportExplanation | undefined {
  if (isOfTheDriver(error)) {
    // "Cannot send the request: <why>"; what was being done is said by the layer above.
    return { why: error.message.replace(/^Cannot [^:]*: /, ""), hint: error.hint };
  }
  return explainTlsFailure(error, nowMs);
}

function isOfTheDriver(error: unknown): error is MenderError {
  return isMenderError(error, "runtime.proxy-refused") ||
    isMenderError(error, "runtime.proxy-unreachable") || isMenderError(error, "runtime.stalled");
}
