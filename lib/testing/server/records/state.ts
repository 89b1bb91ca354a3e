import type { ArtifactFile } from "../../../artifact/mod.ts";
import type { JsonObject } from "../../../core/json.ts";

/** Everything that a server remembers, as it is written to `state.json`. Times are ms since 1970. */
export interface ServerState {
  /** Version of this form. */
  readonly schema: 1;
  /** Hexadecimal secret that signs tokens and links. */
  readonly secret: string;
  /** ID of the management user. */
  readonly userId: string;
  /** Links of an older generation have expired. */
  linkGeneration: number;
  /** Tokens that were given out and not withdrawn, by their `jti`. */
  readonly tokens: Record<string, TokenRecord>;
  /** Known devices, oldest first. */
  devices: DeviceRecord[];
  /** Uploaded Artifacts, oldest first. */
  artifacts: ArtifactRecord[];
  /** Deployments, oldest first. */
  readonly deployments: DeploymentRecord[];
}

/** A token that was given out. */
export interface TokenRecord {
  /** Whom it speaks for. */
  readonly kind: "device" | "user";
  /** ID of the device or user. */
  readonly subject: string;
  /** Auth set that a device token stands on. */
  readonly authSetId?: string;
  /** When it ends. */
  readonly expiresAt: number;
}

/** Status of an auth set. */
export type AuthSetStatus = "pending" | "accepted" | "rejected" | "preauthorized";

/** One key that a device, or whoever pretends to be it, came with. */
export interface AuthSetRecord {
  /** ID, a UUID. */
  readonly id: string;
  /** Public key, PEM, as the server writes it. */
  readonly pubkey: string;
  /** What the operator, or the server for him, decided. */
  status: AuthSetStatus;
  /** When it was first seen. */
  readonly createdAt: number;
}

/** One inventory attribute. */
export interface InventoryAttribute {
  /** Name, 1 to 1024 characters. */
  readonly name: string;
  /** Value: a text, a number, or a list of one of them. */
  readonly value: string | number | string[] | number[];
  /** Free text. */
  readonly description?: string;
}

/** A device: everything that came with the same identity. */
export interface DeviceRecord {
  /** ID, a UUID. */
  readonly id: string;
  /** Identity data. */
  readonly identity: JsonObject;
  /** Identity data in canonical form; no two devices share one. */
  readonly identityKey: string;
  /** When it was first seen. */
  readonly createdAt: number;
  /** When its authorization last changed. */
  updatedAt: number;
  /** Its keys, oldest first. */
  authSets: AuthSetRecord[];
  /** Inventory that the device sent. */
  inventory: InventoryAttribute[];
  /** When the inventory was last sent. */
  inventoryAt?: number;
  /** Group that an operator put it in. */
  group?: string;
}

/** An uploaded Artifact. */
export interface ArtifactRecord {
  /** ID, a UUID. */
  readonly id: string;
  /** Artifact name. */
  readonly name: string;
  /** Free text of the operator. */
  description: string;
  /** Compatible device types. */
  readonly deviceTypes: readonly string[];
  /** Artifact format version. */
  readonly formatVersion: number;
  /** Whether it carries a signature. */
  readonly isSigned: boolean;
  /** Payload type of each payload; `null` for an empty one. */
  readonly payloadTypes: readonly (string | null)[];
  /** Files of all payloads. */
  readonly files: readonly ArtifactFile[];
  /** What it provides, `artifact_name` included. */
  readonly provides: Readonly<Record<string, string>>;
  /** What it depends on, `device_type` included. */
  readonly depends: Readonly<Record<string, readonly string[]>>;
  /** Provides that it clears. */
  readonly clearsProvides: readonly string[];
  /** Size of the whole Artifact. */
  readonly sizeBytes: number;
  /** SHA-256 of the whole Artifact, hexadecimal; also its entity tag. */
  readonly sha256: string;
  /** When it was uploaded or described anew. */
  modifiedAt: number;
}

/** A status that a device went through. */
export interface StatusChange {
  /** Status in the server's spelling. */
  readonly status: string;
  /** Free text that came with it. */
  readonly substate?: string;
  /** When. */
  readonly at: number;
}

/** One message of a deployment log. */
export interface DeploymentLogMessage {
  /** RFC 3339 time. */
  readonly timestamp: string;
  /** Severity. */
  readonly level: string;
  /** Text. */
  readonly message: string;
}

/** A deployment on one device. */
export interface DeviceDeploymentRecord {
  /** ID of the row. */
  readonly id: string;
  /** Device. */
  readonly deviceId: string;
  /** Status in the server's spelling. */
  status: string;
  /** Free text that came with the status. */
  substate?: string;
  /** When the deployment was made. */
  readonly createdAt: number;
  /** First report. */
  startedAt?: number;
  /** When the status became final. */
  finishedAt?: number;
  /** Artifact that was chosen for the device. */
  artifactId?: string;
  /** Device type that it asked with. */
  deviceType?: string;
  /** What the device provided when it was first offered the deployment, canonical JSON. */
  request?: string;
  /** Statuses, oldest first, the first `pending` not among them. */
  readonly history: StatusChange[];
  /** Last uploaded log. */
  log?: DeploymentLogMessage[];
}

/** A deployment. */
export interface DeploymentRecord {
  /** ID, a UUID. */
  readonly id: string;
  /** Name that the operator gave. */
  readonly name: string;
  /** Artifact name that is deployed. */
  readonly artifactName: string;
  /** Whether a device that has the Artifact installs it again. */
  readonly isForced: boolean;
  /** When it was made. */
  readonly createdAt: number;
  /** When every device was final. */
  finishedAt?: number;
  /** Map that goes to the devices with the v2 answer; without its `id`. */
  updateControlMap?: JsonObject;
  /** Rows, one per device. */
  readonly devices: DeviceDeploymentRecord[];
}
