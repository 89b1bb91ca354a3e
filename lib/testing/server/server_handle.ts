import type { JsonObject } from "../../core/json.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type {
  DeploymentRequest,
  MenderServer,
  ServerArtifact,
  ServerDeployment,
  ServerDevice,
} from "./mender_server.ts";
import type { ArtifactRecord, DeploymentLogMessage, DeviceRecord } from "./records/state.ts";
import { ServerRefusal } from "./refusal.ts";
import type { RemoteSession } from "./remote/remote_session.ts";
import type { ServerContext } from "./server_context.ts";
import type { Interceptor } from "./server_options.ts";

/** What a handle stands on. */
export interface HandleParts {
  /** What the routes work with. */
  readonly context: ServerContext;
  /** The requests. */
  readonly journal: Journal;
  /** Password of the management user. */
  readonly password: string;
  /** Base URL. */
  readonly url: string;
  /** PEM, with HTTPS only. */
  readonly caCertificate: string | undefined;
  /** Replaces the interceptor. */
  setInterceptor(interceptor: Interceptor | undefined): void;
  /** Stops listening. */
  close(): Promise<void>;
}

/** Wraps a server that listens. */
export function makeHandle(parts: HandleParts): MenderServer {
  return new ServerHandle(parts);
}

class ServerHandle implements MenderServer {
  readonly url: string;
  readonly caCertificate: string | undefined;
  readonly user: string;
  readonly password: string;
  readonly journal: Journal;
  readonly #parts: HandleParts;

  constructor(parts: HandleParts) {
    this.url = parts.url;
    this.caCertificate = parts.caCertificate;
    this.user = parts.context.settings.user;
    this.password = parts.password;
    this.journal = parts.journal;
    this.#parts = parts;
  }

  devices(): ServerDevice[] {
    return this.#context.devices.list().map((device) => this.#deviceView(device));
  }

  acceptDevice(id: string): void {
    const { devices } = this.#context;
    const newest = devices.get(id).authSets.at(-1);
    if (newest === undefined) {
      throw new ServerRefusal("server.not-found", "the device has no authorization");
    }
    this.#saved(() => devices.setStatus(id, newest.id, "accepted"));
  }

  rejectDevice(id: string): void {
    const { devices } = this.#context;
    this.#saved(() => {
      for (const set of devices.get(id).authSets) devices.setStatus(id, set.id, "rejected");
    });
  }

  decommissionDevice(id: string): void {
    this.#saved(() => {
      this.#context.devices.get(id);
      this.#context.deployments.decommission(id);
      this.#context.devices.remove(id);
    });
  }

  artifacts(): ServerArtifact[] {
    return this.#context.artifacts.list().map(artifactView);
  }

  async uploadArtifact(
    content: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): Promise<ServerArtifact> {
    const record = await this.#context.artifacts.upload(chunksOf(content));
    this.#context.file.flush();
    return artifactView(record);
  }

  createDeployment(request: DeploymentRequest): string {
    const { devices, deployments } = this.#context;
    const { devices: wanted = "all" } = request;
    const deviceIds = wanted === "all"
      ? devices.acceptedIds()
      : wanted.map((id) => devices.get(id).id);
    return this.#saved(() =>
      deployments.create({
        name: request.name ?? request.artifactName,
        artifactName: request.artifactName,
        deviceIds,
        isForced: request.force ?? false,
        updateControlMap: request.updateControlMap,
      }).id
    );
  }

  abortDeployment(id: string): void {
    this.#saved(() => this.#context.deployments.abort(id));
  }

  deployment(id: string): ServerDeployment {
    const { deployments } = this.#context;
    const record = deployments.get(id);
    return structuredClone({
      id,
      name: record.name,
      artifactName: record.artifactName,
      status: deployments.phase(record),
      devices: record.devices.map(({ deviceId, status, substate, history }) => ({
        deviceId,
        status,
        ...(substate !== undefined && { substate }),
        history,
      })),
    });
  }

  deploymentLog(id: string, deviceId: string): readonly DeploymentLogMessage[] | undefined {
    return structuredClone(this.#context.deployments.row(id, deviceId).log);
  }

  setUpdateControlMap(id: string, map: JsonObject | undefined): void {
    this.#saved(() => this.#context.deployments.setControlMap(id, map));
  }

  revokeTokens(deviceId?: string): void {
    this.#saved(() =>
      this.#context.tokens.revoke((token) =>
        token.kind === "device" && (deviceId === undefined || token.subject === deviceId)
      )
    );
  }

  expireLinks(): void {
    this.#saved(() => this.#context.links.expireAll());
  }

  violations(): JournalEntry[] {
    return this.journal.entries.filter((entry) => entry.violation !== undefined);
  }

  setInterceptor(interceptor: Interceptor | undefined): void {
    this.#parts.setInterceptor(interceptor);
  }

  isConnected(deviceId: string): boolean {
    return this.#context.remote.connection(deviceId) !== undefined;
  }

  openSession(deviceId: string): RemoteSession {
    return this.#context.remote.open(deviceId, this.#context.file.state.userId);
  }

  sendToDevice(deviceId: string, message: Uint8Array): void {
    this.#context.remote.connection(deviceId)?.send(message);
  }

  disconnectDevice(deviceId: string, code?: number): void {
    const connection = this.#context.remote.connection(deviceId);
    if (code === undefined) connection?.cut();
    else connection?.close(code, "");
  }

  close(): Promise<void> {
    this.#context.remote.close();
    return this.#parts.close();
  }

  get #context(): ServerContext {
    return this.#parts.context;
  }

  #deviceView(device: DeviceRecord): ServerDevice {
    const { id, identity, authSets, inventory } = device;
    const status = this.#context.devices.statusOf(device);
    return structuredClone({ id, identity, status, authSets, inventory });
  }

  #saved<T>(change: () => T): T {
    const result = change();
    this.#context.file.flush();
    return result;
  }
}

function artifactView({ id, name, deviceTypes, sizeBytes }: ArtifactRecord): ServerArtifact {
  return { id, name, deviceTypes: [...deviceTypes], sizeBytes };
}

async function* chunksOf(
  content: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (content instanceof Uint8Array) yield content;
  else yield* content;
}
