import type { DeviceProvides } from "../api/next_deployment.ts";
import { ApiError } from "../core/errors.ts";
import type { DeploymentDevice } from "../deployment/context.ts";
import type { Clock } from "../runtime/clock.ts";
import type { FileDriver } from "../runtime/files/file_driver.ts";
import { RememberedFile } from "../runtime/files/remembered_file.ts";
import { type ArtifactInfo, readArtifactInfo } from "../store/artifact_info.ts";
import { type DeviceType, readDeviceType } from "../store/device_type.ts";

/** Only another image changes it, and that changes the Artifact too: it is looked at anew then, or after this. */
const TYPE_LOOK_MS = 60_000;

/** Where it stands what a device is. */
export interface DescribingFiles {
  /** The device type. */
  readonly deviceType: string;
  /** The Artifact that is installed. */
  readonly artifactInfo: string;
}

/** A device as its files describe it at one moment. */
export interface DescribedDevice {
  /** What a deployment needs to know. */
  readonly device: DeploymentDevice;
  /** What the server is told when it is asked for a deployment. */
  readonly asked: DeviceProvides;
}

/** What the device says about itself. Most polls find nothing changed, and read and make nothing. */
export class SelfDescription {
  readonly #clock: Clock;
  readonly #type: RememberedFile<DeviceType>;
  readonly #info: RememberedFile<ArtifactInfo>;
  #last: {
    readonly type: DeviceType;
    readonly info: ArtifactInfo;
    readonly described: DescribedDevice;
    readonly goodUntilMs: number;
  } | undefined;

  /** Nothing is read yet. */
  constructor(files: FileDriver, clock: Clock, paths: DescribingFiles) {
    this.#clock = clock;
    const isType = ({ deviceType }: DeviceType): boolean => deviceType !== undefined;
    this.#type = new RememberedFile(files, clock, paths.deviceType, readDeviceType, isType);
    const isInfo = ({ artifactName }: ArtifactInfo): boolean => artifactName !== undefined;
    this.#info = new RememberedFile(files, clock, paths.artifactInfo, readArtifactInfo, isInfo);
  }

  /**
   * What it is now: the same object for as long as its files stay as they are. A change of the device type
   * alone is seen within a minute.
   *
   * @throws {ApiError} `api.unknown-device`: device type or Artifact name are not known here.
   */
  get(): DescribedDevice {
    const [info, nowMs] = [this.#info.get(), this.#clock.monotonic()];
    const last = this.#last?.info === info ? this.#last : undefined;
    if (last !== undefined && nowMs < last.goodUntilMs) return last.described;
    const type = this.#type.get();
    const described = last?.type === type ? last.described : describe(type, info);
    this.#last = { type, info, described, goodUntilMs: nowMs + TYPE_LOOK_MS };
    return described;
  }
}

function describe(type: DeviceType, info: ArtifactInfo): DescribedDevice {
  const { deviceType } = type;
  if (deviceType === undefined) throw unknownDevice(type.reason);
  if (info.artifactName === undefined) throw unknownDevice(info.reason ?? "no Artifact name");
  const provides = Object.fromEntries(info.provides);
  const artifactName = provides["artifact_name"] ?? "";
  return {
    device: { deviceType, provides },
    asked: { ...provides, device_type: deviceType, artifact_name: artifactName },
  };
}

function unknownDevice(reason: string): ApiError {
  return new ApiError("api.unknown-device", `Cannot ask for a deployment: ${reason}`);
}
