import type { JsonObject } from "../../core/json.ts";
import type { RemoteSession } from "./remote/remote_session.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type { DeploymentPhase } from "./records/deployment_book.ts";
import type { DeviceStatus } from "./records/device_registry.ts";
import type {
  AuthSetRecord,
  DeploymentLogMessage,
  InventoryAttribute,
  StatusChange,
} from "./records/state.ts";
import type { Interceptor } from "./server_options.ts";

/** A device as the handle shows it. */
export interface ServerDevice {
  /** ID, a UUID. */
  readonly id: string;
  /** Identity data. */
  readonly identity: JsonObject;
  /** Status of the device as a whole. */
  readonly status: DeviceStatus;
  /** Its keys, oldest first. */
  readonly authSets: readonly Readonly<AuthSetRecord>[];
  /** Inventory that it sent. */
  readonly inventory: readonly InventoryAttribute[];
}

/** An uploaded Artifact as the handle shows it. */
export interface ServerArtifact {
  /** ID, a UUID. */
  readonly id: string;
  /** Artifact name. */
  readonly name: string;
  /** Compatible device types. */
  readonly deviceTypes: readonly string[];
  /** Size of the whole Artifact in bytes. */
  readonly sizeBytes: number;
}

/** A deployment as the handle shows it. */
export interface ServerDeployment {
  /** ID, a UUID. */
  readonly id: string;
  /** Name. */
  readonly name: string;
  /** Artifact name that is deployed. */
  readonly artifactName: string;
  /** `pending` until a device reports, `finished` when it is over on all of them. */
  readonly status: DeploymentPhase;
  /** How far each device is. */
  readonly devices: readonly ServerDeploymentRow[];
}

/** A deployment on one device as the handle shows it. */
export interface ServerDeploymentRow {
  /** Device. */
  readonly deviceId: string;
  /** Status in the server's spelling. */
  readonly status: string;
  /** Free text that came with the status. */
  readonly substate?: string;
  /** Statuses that it went through, oldest first. */
  readonly history: readonly StatusChange[];
}

/** What {@link MenderServer.createDeployment} makes. */
export interface DeploymentRequest {
  /** Name; default: that of the Artifact. */
  readonly name?: string;
  /** Name of an uploaded Artifact. */
  readonly artifactName: string;
  /** IDs, or `all` that are accepted at this moment; default `all`. */
  readonly devices?: readonly string[] | "all";
  /** Whether devices that have the Artifact install it again; default: no. */
  readonly force?: boolean;
  /** Update Control Map that comes with the deployment (v2); its `id` is filled in. */
  readonly updateControlMap?: JsonObject;
}

/**
 * A running embedded server.
 *
 * Calls act like an operator at the management interface, without a login. Those that name something
 * unknown throw a `ServerRefusal` of code `server.not-found`.
 */
export interface MenderServer {
  /** Base URL for `ServerURL` and `mender-cli --server`, without a slash at its end. */
  readonly url: string;
  /** Certificate that clients must trust, PEM; with HTTPS only. */
  readonly caCertificate: string | undefined;
  /** Name of the management user. */
  readonly user: string;
  /** Password of the management user. */
  readonly password: string;
  /** The requests so far. */
  readonly journal: Journal;
  /** All devices that ever sent a good authentication request, oldest first. */
  devices(): ServerDevice[];
  /** Accepts the newest key of a device. */
  acceptDevice(id: string): void;
  /** Rejects all keys of a device; its tokens are worth nothing from now on. */
  rejectDevice(id: string): void;
  /** Forgets a device; what is deployed to it ends as `decommissioned`. */
  decommissionDevice(id: string): void;
  /** The uploaded Artifacts, oldest first. */
  artifacts(): ServerArtifact[];
  /**
   * Takes in an Artifact.
   *
   * @returns The Artifact as it is listed from now on.
   * @throws {ServerRefusal} As the upload route: `server.bad-request`, `server.conflict` ...
   */
  uploadArtifact(
    content: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<ServerArtifact>;
  /**
   * Makes a deployment.
   *
   * @returns Its ID.
   * @throws {ServerRefusal} `server.bad-request` without devices, `server.unprocessable` without the
   * Artifact, `server.conflict` when the same deployment is active.
   */
  createDeployment(request: DeploymentRequest): string;
  /** Aborts a deployment on all devices that are not done; their next report is answered 409. */
  abortDeployment(id: string): void;
  /** How far a deployment is. */
  deployment(id: string): ServerDeployment;
  /** The log that a device uploaded, or `undefined`. */
  deploymentLog(id: string, deviceId: string): readonly DeploymentLogMessage[] | undefined;
  /** Replaces the Update Control Map of a deployment, or takes it away; devices fetch it anew. */
  setUpdateControlMap(id: string, map: JsonObject | undefined): void;
  /** Withdraws the tokens of all devices, or of one; their next call is answered 401. */
  revokeTokens(deviceId?: string): void;
  /** Ends all download links that were given out; they are answered 403. */
  expireLinks(): void;
  /** The requests that were taken although the client should not have sent them so. */
  violations(): JournalEntry[];
  /** Puts an interceptor before the routes, or takes it away. */
  setInterceptor(interceptor: Interceptor | undefined): void;
  /** Whether a device has its connection for remote access. */
  isConnected(deviceId: string): boolean;
  /**
   * Opens a session with a connected device, as the server does for a user.
   *
   * @throws {ServerRefusal} `server.not-found`: it is not connected.
   */
  openSession(deviceId: string): RemoteSession;
  /** Sends any bytes as one message to a connected device, also such as no server ever sends. */
  sendToDevice(deviceId: string, message: Uint8Array): void;
  /** Ends the connection of a device: with a close frame of that status, or by a cut. */
  disconnectDevice(deviceId: string, code?: number): void;
  /** Stops listening and cuts all connections. A second call does nothing more. */
  close(): Promise<void>;
}
