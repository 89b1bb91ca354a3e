import { isMenderError } from "../../core/errors.ts";
import { isJsonObject, type JsonObject } from "../../core/json.ts";
import type { HttpExchange } from "../../runtime/http/http_exchange.ts";
import { ServerRefusal } from "./refusal.ts";
import type { ServerContext } from "./server_context.ts";

/** Largest request body of any route but the upload of Artifacts (device-api section 5). */
export const MAX_BODY_BYTES = 1024 * 1024;

/** One request on its way through a route. */
export class Call {
  /** What the route works with. */
  readonly context: ServerContext;
  /** The request itself. */
  readonly exchange: HttpExchange;
  /** Path, double slashes made single. */
  readonly path: string;
  /** Query parameters. */
  readonly query: URLSearchParams;
  /** Values of the `{name}` segments of the route, decoded. */
  params: Readonly<Record<string, string>> = {};
  /** Device that the call speaks for; set by the token check and by authentication. */
  deviceId: string | undefined;
  /** ID of the token that was sent, on routes that need one. */
  tokenId = "";
  /** The exact bytes of the body, once a route read it. */
  bodyBytes: Uint8Array = new Uint8Array();
  /** The parsed body, once a route read it; for the journal. */
  body: unknown;
  readonly #violations: string[] = [];

  /** Wraps a request. */
  constructor(context: ServerContext, exchange: HttpExchange) {
    this.context = context;
    this.exchange = exchange;
    const mark = exchange.target.indexOf("?");
    const path = mark < 0 ? exchange.target : exchange.target.slice(0, mark);
    this.path = path.replace(/\/{2,}/g, "/");
    this.query = new URLSearchParams(mark < 0 ? "" : exchange.target.slice(mark + 1));
  }

  /** Scheme, host and port under which the client reached us. */
  get origin(): string {
    const { scheme, authority } = this.context.settings;
    return `${scheme}://${this.exchange.headers.get("host") ?? authority()}`;
  }

  /** Notes what the client did against the contract although the real server lets it pass. */
  violation(text: string | undefined): void {
    if (text !== undefined) this.#violations.push(text);
  }

  /** All that was noted, as one text. */
  get violations(): string | undefined {
    return this.#violations.length === 0 ? undefined : this.#violations.join("; ");
  }

  /** A `{name}` segment of the route. */
  param(name: string): string {
    return this.params[name] ?? "";
  }

  /**
   * Reads the body as JSON.
   *
   * @throws {ServerRefusal} `server.bad-request` for another content type or text that is no JSON,
   * `server.too-large` beyond {@link MAX_BODY_BYTES}.
   */
  async json(): Promise<unknown> {
    this.bodyBytes = await this.#bytes();
    const type = this.exchange.headers.get("content-type") ?? "";
    if (!/^application\/json\s*(;|$)/i.test(type)) {
      throw new ServerRefusal(
        "server.bad-request",
        `wrong content type ${JSON.stringify(type)}, wanted application/json`,
      );
    }
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(this.bodyBytes);
      this.body = JSON.parse(text);
    } catch (error) {
      throw new ServerRefusal("server.bad-request", "cannot parse request body as JSON", {
        cause: error,
      });
    }
    return this.body;
  }

  /** {@link json}, which must be an object; other keys than `known` are noted as a violation. */
  async jsonObject(known?: readonly string[]): Promise<JsonObject> {
    const value = await this.json();
    if (!isJsonObject(value)) {
      throw new ServerRefusal("server.bad-request", "wanted a JSON object");
    }
    const strange = Object.keys(value).filter((key) => known?.includes(key) === false);
    if (strange.length > 0) this.violation(`unknown keys ${strange.join(", ")}`);
    return value;
  }

  async #bytes(): Promise<Uint8Array> {
    try {
      return await this.exchange.body(MAX_BODY_BYTES);
    } catch (error) {
      if (!isMenderError(error, "runtime.body-too-large")) throw error;
      throw new ServerRefusal("server.too-large", "request body too large", { cause: error });
    }
  }
}
