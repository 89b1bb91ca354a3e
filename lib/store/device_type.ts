import { parseKeyValue } from "../core/key_value.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import { fileReason } from "../runtime/files/file_reason.ts";

/** The type of the device, or why it is not known. */
export type DeviceType =
  | { readonly deviceType: string }
  | { readonly deviceType: undefined; readonly reason: string };

/**
 * Reads the device type: one line `device_type=<type>`; of repeated lines the last one counts.
 *
 * A file with any other key beside it counts as missing, as in mender-python-client: it may be a
 * different file altogether. Links are followed. Read it at each use; integrators replace it.
 *
 * @see client-behaviour A2
 */
export function readDeviceType(files: FileDriver, path: string): DeviceType {
  let text: string | undefined;
  try {
    text = readText(files, path, 65536, { follow: true });
  } catch (error) {
    return missing(path, fileReason(error));
  }
  if (text === undefined) return missing(path, "there is no such file");
  const { attributes } = parseKeyValue(text);
  if (attributes.size > 1) {
    return missing(path, `it holds several keys: ${[...attributes.keys()].join(", ")}`);
  }
  const deviceType = attributes.get("device_type")?.at(-1);
  if (deviceType === undefined) return missing(path, "it holds no line device_type=\u2026");
  return deviceType === "" ? missing(path, "device_type is empty") : { deviceType };
}

function missing(path: string, reason: string): DeviceType {
  return { deviceType: undefined, reason: `Cannot read the device type from ${path}: ${reason}` };
}
