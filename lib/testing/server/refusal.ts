import { MenderError, nameErrors } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";

/** Codes of a {@link ServerRefusal}. */
export type RefusalCode =
  | "server.bad-request"
  | "server.unauthorized"
  | "server.forbidden"
  | "server.not-found"
  | "server.bad-method"
  | "server.conflict"
  | "server.timeout"
  | "server.device-failed"
  | "server.bad-gateway"
  | "server.too-large"
  | "server.range"
  | "server.unprocessable"
  | "server.no-space";

const STATUS_OF: Readonly<Record<RefusalCode, number>> = {
  "server.bad-request": 400,
  "server.unauthorized": 401,
  "server.forbidden": 403,
  "server.not-found": 404,
  "server.bad-method": 405,
  "server.timeout": 408,
  "server.conflict": 409,
  "server.too-large": 413,
  "server.range": 416,
  "server.unprocessable": 422,
  "server.device-failed": 500,
  "server.bad-gateway": 502,
  "server.no-space": 507,
};

/**
 * The embedded server says no: to a request, which is then answered with `status` and the message as
 * error text, or to a call of its handle.
 */
export class ServerRefusal extends MenderError {
  /** HTTP status that tells a client the same. */
  readonly status: number;
  /** Headers that belong to the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the answer says besides its error text, for programs. */
  readonly metadata: JsonObject | undefined;

  /** Makes a refusal; the message is shown to the client, in the words of the real server. */
  constructor(
    code: RefusalCode,
    message: string,
    options: {
      cause?: unknown;
      headers?: Readonly<Record<string, string>>;
      metadata?: JsonObject;
    } = {},
  ) {
    super(code, message, { cause: options.cause, retry: "never" });
    this.status = STATUS_OF[code];
    this.headers = options.headers ?? {};
    this.metadata = options.metadata;
  }
}

nameErrors({ ServerRefusal });
