import type { ArtifactDescription, Compression } from "../../lib/artifact/mod.ts";
import type { ArtifactVerdict } from "./artifact_verdict.ts";

const COMPRESSIONS: Readonly<Record<Compression, string>> = {
  none: "none",
  gz: "gzip",
  xz: "xz",
  zst: "zstd",
};
const LABEL_COLUMNS = 16;

/** The verdict for people: one fact a line; nothing about a file that is no Artifact. */
export function verdictLines(verdict: ArtifactVerdict): string[] {
  const { description, problem, device, keys } = verdict;
  if (description === undefined) return [];
  const { deviceType, provides, notes } = device;
  return [
    `${verdict.path}: ${verdict.sizeBytes} bytes`,
    ...artifactLines(description),
    "",
    ...fact("Device type", [deviceType ?? "not known"]),
    ...fact("Installed", [provides?.get("artifact_name") ?? "not known"]),
    ...fact("Keys", keys.length === 0 ? ["none: signatures are not verified"] : keys),
    ...notes.map((note) => `Note: ${note}`),
    "",
    verdictLine(problem, notes.length === 0),
  ];
}

function verdictLine(problem: ArtifactVerdict["problem"], isDeviceKnown: boolean): string {
  if (problem !== undefined) return `Not accepted (${problem.code})`;
  return isDeviceKnown ? "Accepted" : "Accepted, as far as this device is known";
}

/** The verdict for programs. Keys are stable; what is not there is `null`, an empty list or object. */
export function verdictJson(verdict: ArtifactVerdict): Record<string, unknown> {
  const { description, problem, device } = verdict;
  return {
    file: verdict.path,
    size_bytes: verdict.sizeBytes ?? null,
    accepted: problem === undefined,
    problem: problem === undefined
      ? null
      : { code: problem.code, message: problem.message, hint: problem.hint ?? null },
    artifact: description === undefined ? null : artifactJson(description),
    device: {
      device_type: device.deviceType ?? null,
      provides: device.provides === undefined ? null : Object.fromEntries(device.provides),
    },
    verification_keys: verdict.keys,
    notes: device.notes,
  };
}

function artifactLines(description: ArtifactDescription): string[] {
  const { augment, clearsProvides } = description;
  return [
    ...fact("Artifact", [description.name]),
    ...fact("Format", [`mender ${description.formatVersion}`]),
    ...fact("Group", description.group === undefined ? [] : [description.group]),
    ...fact("Device types", description.deviceTypes),
    ...fact("Payload", description.payloadTypes.map((type) => type ?? "none")),
    ...fact(
      "Files",
      description.files.map((file) => `${file.name}  ${file.sizeBytes} bytes  ${file.sha256}`),
    ),
    ...fact("Provides", pairs(description.provides)),
    ...fact("Depends", pairs(description.depends)),
    ...fact(
      "Clears",
      clearsProvides === undefined
        ? ["all, for it does not say what"]
        : clearsProvides.length === 0
        ? ["nothing"]
        : clearsProvides,
    ),
    ...fact("Scripts", description.scripts),
    ...fact("Compression", [COMPRESSIONS[description.compression]]),
    ...fact("Signature", [signatureText(description)]),
    ...fact(
      "Augmented",
      augment === undefined ? [] : [
        "without any signature, with",
        ...augment.files.map((name) => `the file ${name}`),
        ...augment.provides.map((key) => `the provides ${key}`),
        ...augment.depends.map((key) => `the depends ${key}`),
      ],
    ),
  ];
}

function artifactJson(description: ArtifactDescription): Record<string, unknown> {
  return {
    format: "mender",
    version: description.formatVersion,
    name: description.name,
    group: description.group ?? null,
    device_types: description.deviceTypes,
    payload_types: description.payloadTypes,
    files: description.files.map(({ name, sizeBytes, sha256 }) => ({
      name,
      size_bytes: sizeBytes,
      sha256,
    })),
    provides: description.provides,
    depends: description.depends,
    clears_provides: description.clearsProvides ?? null,
    scripts: description.scripts,
    compression: COMPRESSIONS[description.compression],
    signed: description.isSigned,
    signed_by: description.signedBy ?? null,
    augment: description.augment ?? null,
  };
}

function signatureText({ isSigned, signedBy }: ArtifactDescription): string {
  if (signedBy !== undefined) return `verified, key ${signedBy}`;
  return isSigned ? "there is one; not verified" : "none";
}

function pairs(set: Readonly<Record<string, string | readonly string[]>>): string[] {
  return Object.entries(set).map(([key, value]) =>
    `${key}=${typeof value === "string" ? value : value.join(" | ")}`
  );
}

/** One label; further values stand below the first. */
function fact(label: string, values: readonly string[]): string[] {
  return values.map((value, index) => (index === 0 ? label : "").padEnd(LABEL_COLUMNS) + value);
}
