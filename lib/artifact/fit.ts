import { ArtifactError } from "../core/errors.ts";
import type { ArtifactDescription } from "./description.ts";
import { type ArtifactErrorCode, quoted } from "./refusal.ts";

/** What decides whether an Artifact is for this device. */
export interface DeviceFacts {
  /** The device's type; empty when it is not known, which no Artifact fits. */
  readonly deviceType: string;
  /** What is installed: stored provides, with `artifact_name` and `artifact_group` if there is one. */
  readonly provides: Readonly<Record<string, string>>;
  /** Name of the Artifact that the server announced. */
  readonly expectedName?: string;
  /** Device types that the server announced; each must be among those of the Artifact. */
  readonly expectedDeviceTypes?: readonly string[];
}

/**
 * Checks that an Artifact is for this device, before any of its payload is used.
 *
 * Each of its depends must be met: the device has the key, with one of the values. `device_type` is a
 * fact of the device and never taken from its provides. Where the server announced a name or device
 * types, the Artifact must be the announced one.
 *
 * @throws {ArtifactError} `artifact.wrong-device-type`, `artifact.wrong-name`,
 * `artifact.unmet-depends`; none is worth a retry.
 * @see artifact-format section 6; an unknown device type is refused, as the C++ client does
 */
export function checkFitsDevice(description: ArtifactDescription, device: DeviceFacts): void {
  checkDeviceType(description, device);
  if (device.expectedName !== undefined && device.expectedName !== description.name) {
    throw misfit(
      "artifact.wrong-name",
      `it is called ${quoted(description.name)}, the deployment says ${
        quoted(device.expectedName)
      }`,
    );
  }
  for (const [key, wanted] of Object.entries(description.depends)) {
    if (key === "device_type") continue;
    const found = Object.hasOwn(device.provides, key) ? device.provides[key] : undefined;
    if (found !== undefined && wanted.includes(found)) continue;
    throw misfit(
      "artifact.unmet-depends",
      `it needs ${quoted(key)} to be ${listed(wanted)}, the device has ${
        found === undefined ? "none" : quoted(found)
      }`,
    );
  }
}

function checkDeviceType(description: ArtifactDescription, device: DeviceFacts): void {
  if (device.deviceType === "") {
    throw misfit(
      "artifact.wrong-device-type",
      "the type of this device is not known",
      "Write device_type=<type> to the device_type file",
    );
  }
  if (!description.deviceTypes.includes(device.deviceType)) {
    throw misfit(
      "artifact.wrong-device-type",
      `it is for ${listed(description.deviceTypes)}, this device is ${quoted(device.deviceType)}`,
    );
  }
  for (const type of device.expectedDeviceTypes ?? []) {
    if (description.deviceTypes.includes(type)) continue;
    throw misfit(
      "artifact.wrong-device-type",
      `the deployment says that it is for ${quoted(type)}, it is for ${
        listed(description.deviceTypes)
      }`,
    );
  }
}

function listed(values: readonly string[]): string {
  if (values.length === 0) return "nothing at all";
  const shown = values.slice(0, 5).map(quoted).join(" or ");
  return values.length > 5 ? `${shown} or ${values.length - 5} more` : shown;
}

function misfit(code: ArtifactErrorCode, why: string, hint?: string): ArtifactError {
  return new ArtifactError(code, `Cannot use the Artifact: ${why}`, {
    retry: "never",
    ...(hint === undefined ? {} : { hint }),
  });
}
