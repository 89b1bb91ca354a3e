import type { JsonObject } from "../../../core/json.ts";
import type { Drivers } from "../../../runtime/drivers.ts";
import { ServerRefusal } from "../refusal.ts";
import { isOver, isWithdrawn, misstep } from "./device_status.ts";
import type {
  ArtifactRecord,
  DeploymentLogMessage,
  DeploymentRecord,
  DeviceDeploymentRecord,
} from "./state.ts";
import type { StateFile } from "./state_file.ts";

/** What a new deployment is made of. */
export interface NewDeployment {
  /** Name for people. */
  readonly name: string;
  /** Artifact name to deploy. */
  readonly artifactName: string;
  /** IDs of the devices. */
  readonly deviceIds: readonly string[];
  /** Whether devices that have the Artifact install it again. */
  readonly isForced: boolean;
  /** Update Control Map for the devices, without its `id`. */
  readonly updateControlMap?: JsonObject | undefined;
}

/** What a device tells when it asks for its next deployment. */
export interface NextQuestion {
  /** Installed Artifact name. */
  readonly artifactName: string;
  /** Device type. */
  readonly deviceType: string;
  /** The whole question in canonical form: a device may not change it while a deployment is open. */
  readonly canonical: string;
}

/** What is offered to a device. */
export interface Offer {
  /** The deployment. */
  readonly deployment: DeploymentRecord;
  /** The Artifact that suits the device. */
  readonly artifact: ArtifactRecord;
}

/** Overall status of a deployment. */
export type DeploymentPhase = "pending" | "inprogress" | "finished";

/** The deployments and how far each device is. */
export class DeploymentBook {
  readonly #file: StateFile;
  readonly #drivers: Drivers;

  /** Works on the deployments of a state. */
  constructor(file: StateFile, drivers: Drivers) {
    this.#file = file;
    this.#drivers = drivers;
  }

  /** All deployments, oldest first. */
  list(): readonly DeploymentRecord[] {
    return this.#file.state.deployments;
  }

  /** The deployment of an ID; throws {@link ServerRefusal} `server.not-found`. */
  get(id: string): DeploymentRecord {
    const deployment = this.list().find((known) => known.id === id);
    if (deployment === undefined) {
      throw new ServerRefusal("server.not-found", "deployment not found");
    }
    return deployment;
  }

  /** The row of a device; throws {@link ServerRefusal} `server.not-found`. */
  row(id: string, deviceId: string): DeviceDeploymentRecord {
    const row = this.get(id).devices.find((known) => known.deviceId === deviceId);
    if (row === undefined) throw new ServerRefusal("server.not-found", "deployment not found");
    return row;
  }

  /**
   * Makes a deployment.
   *
   * @throws {ServerRefusal} `server.bad-request` without devices, `server.unprocessable` without an
   * Artifact of that name, `server.conflict` when the same deployment is active.
   */
  create(wanted: NewDeployment): DeploymentRecord {
    const deviceIds = [...new Set(wanted.deviceIds)];
    if (deviceIds.length === 0) {
      throw new ServerRefusal("server.bad-request", "no devices found for the deployment");
    }
    if (!this.#file.state.artifacts.some((artifact) => artifact.name === wanted.artifactName)) {
      throw new ServerRefusal("server.unprocessable", "No artifact for the deployment");
    }
    if (this.list().some((known) => this.phase(known) !== "finished" && isSame(known, wanted))) {
      throw new ServerRefusal("server.conflict", "an identical deployment is active");
    }
    const createdAt = this.#drivers.clock.now();
    const deployment: DeploymentRecord = {
      id: this.#drivers.random.uuid(),
      name: wanted.name,
      artifactName: wanted.artifactName,
      isForced: wanted.isForced,
      createdAt,
      ...(wanted.updateControlMap && { updateControlMap: wanted.updateControlMap }),
      devices: deviceIds.map((deviceId) => ({
        id: this.#drivers.random.uuid(),
        deviceId,
        status: "pending",
        createdAt,
        history: [],
      })),
    };
    this.#file.state.deployments.push(deployment);
    this.#file.changed();
    return deployment;
  }

  /**
   * Answers a device that asks for work: the oldest deployment that is not over for it.
   *
   * @returns The offer, or `undefined` when there is nothing to do: no deployment, no suitable Artifact
   * (`noartifact`), or the Artifact is there already (`already-installed`).
   * @throws {ServerRefusal} `server.conflict` when the device answers differently than when the same
   * deployment was first offered; the deployment is then failed.
   */
  next(deviceId: string, question: NextQuestion): Offer | undefined {
    for (const deployment of this.list()) {
      const row = deployment.devices.find((known) => known.deviceId === deviceId);
      if (row === undefined || isOver(row.status)) continue;
      this.#rememberQuestion(deployment, row, question);
      const artifact = this.#choose(deployment, row, question.deviceType);
      if (artifact === undefined) this.#assign(deployment, row, "noartifact");
      else if (artifact.name === question.artifactName && !deployment.isForced) {
        this.#assign(deployment, row, "already-installed");
      } else return { deployment, artifact };
      return undefined;
    }
    return undefined;
  }

  /**
   * Files a status that a device reports.
   *
   * @returns What was wrong with it although it was taken, if anything.
   * @throws {ServerRefusal} `server.conflict` when the deployment was aborted or the device
   * decommissioned, `server.not-found` when it has no such deployment.
   */
  report(
    id: string,
    deviceId: string,
    status: string,
    substate: string | undefined,
  ): string | undefined {
    const deployment = this.get(id);
    const row = this.row(id, deviceId);
    if (isWithdrawn(row.status)) {
      throw new ServerRefusal("server.conflict", "Deployment aborted");
    }
    const violation = row.request === undefined
      ? `status ${status} for a deployment that was not offered yet`
      : misstep(row, { status, substate });
    // As on the real server, repeating a status changes nothing, and its substate is lost.
    if (row.status !== status) this.#assign(deployment, row, status, substate);
    return violation;
  }

  /** Files the log of a device; a second one replaces the first. */
  storeLog(id: string, deviceId: string, log: DeploymentLogMessage[]): void {
    this.row(id, deviceId).log = log;
    this.#file.changed();
  }

  /** Ends a deployment on all devices that are not done; `server.unprocessable` when all are. */
  abort(id: string): void {
    const deployment = this.get(id);
    if (this.phase(deployment) === "finished") {
      throw new ServerRefusal("server.unprocessable", "Deployment already finished");
    }
    for (const row of deployment.devices) {
      if (!isOver(row.status)) this.#assign(deployment, row, "aborted");
    }
  }

  /** Ends all open deployments of a device that leaves. */
  decommission(deviceId: string): void {
    for (const deployment of this.list()) {
      for (const row of deployment.devices) {
        if (row.deviceId !== deviceId || isOver(row.status)) continue;
        this.#assign(deployment, row, "decommissioned");
      }
    }
  }

  /** Gives a deployment another Update Control Map, or none. */
  setControlMap(id: string, map: JsonObject | undefined): void {
    const deployment = this.get(id);
    if (map === undefined) delete deployment.updateControlMap;
    else deployment.updateControlMap = map;
    this.#file.changed();
  }

  /** Whether an Artifact name is used by a deployment that is not finished. */
  isInUse(artifactName: string): boolean {
    return this.list().some((known) =>
      known.artifactName === artifactName && this.phase(known) !== "finished"
    );
  }

  /** `pending` until a device reports, `finished` when it is over on all of them. */
  phase(deployment: DeploymentRecord): DeploymentPhase {
    if (deployment.devices.every((row) => isOver(row.status))) return "finished";
    return deployment.devices.some((row) => row.status !== "pending") ? "inprogress" : "pending";
  }

  #rememberQuestion(
    deployment: DeploymentRecord,
    row: DeviceDeploymentRecord,
    question: NextQuestion,
  ): void {
    if (row.request !== undefined && row.request !== question.canonical) {
      this.#assign(deployment, row, "failure");
      throw new ServerRefusal(
        "server.conflict",
        "The device changed what it provides while a deployment was open; the deployment has failed",
      );
    }
    if (row.request !== undefined) return;
    row.request = question.canonical;
    row.deviceType = question.deviceType;
    this.#file.changed();
  }

  #choose(
    deployment: DeploymentRecord,
    row: DeviceDeploymentRecord,
    deviceType: string,
  ): ArtifactRecord | undefined {
    const { artifacts } = this.#file.state;
    const chosen = artifacts.find((artifact) => artifact.id === row.artifactId) ??
      artifacts.find((artifact) =>
        artifact.name === deployment.artifactName && artifact.deviceTypes.includes(deviceType)
      );
    if (chosen !== undefined && row.artifactId !== chosen.id) {
      row.artifactId = chosen.id;
      this.#file.changed();
    }
    return chosen;
  }

  #assign(
    deployment: DeploymentRecord,
    row: DeviceDeploymentRecord,
    status: string,
    substate?: string,
  ): void {
    const at = this.#drivers.clock.now();
    row.status = status;
    row.history.push({ status, at, ...(substate !== undefined && { substate }) });
    if (substate === undefined) delete row.substate;
    else row.substate = substate;
    row.startedAt ??= at;
    if (isOver(status)) row.finishedAt = at;
    else delete row.finishedAt;
    if (this.phase(deployment) === "finished") deployment.finishedAt = at;
    else delete deployment.finishedAt;
    this.#file.changed();
  }
}

function isSame(known: DeploymentRecord, wanted: NewDeployment): boolean {
  const ids = (list: readonly string[]): string => [...new Set(list)].sort().join();
  return known.name === wanted.name && known.artifactName === wanted.artifactName &&
    ids(known.devices.map((row) => row.deviceId)) === ids(wanted.deviceIds);
}
