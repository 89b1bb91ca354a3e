import type { Logger } from "../../core/logger.ts";
import type { Drivers } from "../../runtime/drivers.ts";
import type { HttpExchange } from "../../runtime/http/http_exchange.ts";

/** Versions of the route that offers deployments. */
export type NextVersion = "v1" | "v2";

/**
 * Looks at a request before it is routed. `true` means that the interceptor answers (or cuts, or
 * stalls) the exchange itself; the server then only notes the request.
 */
export type Interceptor = (exchange: HttpExchange) => boolean | Promise<boolean>;

/** How the embedded server is started. */
export interface ServerOptions {
  /** The machine; default: the one that we run on. */
  readonly drivers?: Drivers;
  /** Address to bind; default `127.0.0.1`. Any other than loopback needs `password`. */
  readonly host?: string;
  /** Port to bind; default 0: the system chooses. */
  readonly port?: number;
  /** Whether to speak HTTPS, with a CA and a certificate made at the start; default: no. */
  readonly tls?: boolean;
  /** Directory that keeps everything over a restart; default: memory only. */
  readonly dir?: string;
  /** Name of the management user; default `admin`. */
  readonly user?: string;
  /** Password of the management user; default: a random one, see {@link MenderServer.password}. */
  readonly password?: string;
  /** Life of tokens in seconds; default 604800, one week. */
  readonly tokenLifeSeconds?: number;
  /** Life of download links in seconds; default 86400, one day. */
  readonly linkLifeSeconds?: number;
  /**
   * Whether unknown devices are accepted at once; default: they wait for an operator. A further key of
   * a known device waits in any case.
   */
  readonly autoAccept?: boolean;
  /** Versions of the `next` route; default both. The open-source server has only `v1`. */
  readonly nextVersions?: readonly NextVersion[];
  /** Tenant token that devices must send; default: any, or none. */
  readonly tenantToken?: string;
  /** Public keys, PEM: an uploaded Artifact must be signed by one of them; default: any is taken. */
  readonly artifactVerifyKeys?: readonly string[];
  /**
   * Bytes of terminal output after which a user's session ends; default: none. The real server ends it
   * after 8 MiB.
   */
  readonly maxTerminalBytes?: number;
  /** Requests that the journal keeps; default 10000. */
  readonly maxJournalEntries?: number;
  /** Sees every request before it is routed; can be changed on the running server. */
  readonly intercept?: Interceptor;
  /** Where the server says what it does; default: nowhere. */
  readonly logger?: Logger;
}
