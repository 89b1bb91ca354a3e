import type { Clock } from "../../runtime/clock.ts";
import type { ArtifactShelf } from "./records/artifact_shelf.ts";
import type { DeploymentBook } from "./records/deployment_book.ts";
import type { DeviceRegistry } from "./records/device_registry.ts";
import type { DownloadLinks } from "./records/download_links.ts";
import type { StateFile } from "./records/state_file.ts";
import type { TokenOffice } from "./records/token_office.ts";
import type { DeviceLinks } from "./remote/device_links.ts";
import type { NextVersion } from "./server_options.ts";

/** What the routes work with. */
export interface ServerContext {
  /** Time. */
  readonly clock: Clock;
  /** The state behind the records; changed ones must be announced to it. */
  readonly file: StateFile;
  /** Tokens. */
  readonly tokens: TokenOffice;
  /** Devices. */
  readonly devices: DeviceRegistry;
  /** Artifacts. */
  readonly artifacts: ArtifactShelf;
  /** Deployments. */
  readonly deployments: DeploymentBook;
  /** Download links. */
  readonly links: DownloadLinks;
  /** Connections of devices for remote access. */
  readonly remote: DeviceLinks;
  /** Settings that routes ask for. */
  readonly settings: {
    /** Management login. */
    readonly user: string;
    /** Management login. */
    readonly password: string;
    /** Life of tokens in seconds. */
    readonly tokenLifeSeconds: number;
    /** Whether unknown devices are accepted at once. */
    readonly autoAccept: boolean;
    /** Versions of the `next` route that exist. */
    readonly nextVersions: readonly NextVersion[];
    /** Tenant token that devices must send, if any. */
    readonly tenantToken: string | undefined;
    /** Bytes of terminal output after which a user's session ends. */
    readonly maxTerminalBytes: number;
    /** `http` or `https`. */
    readonly scheme: "http" | "https";
    /** Host and port, for links to clients that sent no `Host` header. */
    readonly authority: () => string;
  };
}
