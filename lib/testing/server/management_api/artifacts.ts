import type { JsonObject } from "../../../core/json.ts";
import { type Answer, emptyAnswer, jsonAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { pageOf } from "../paging.ts";
import type { ArtifactRecord } from "../records/state.ts";
import { ServerRefusal } from "../refusal.ts";
import { timeText } from "../time_text.ts";

/** A UUID of any version. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** `GET v1 artifacts`: all that the filters leave, at once. */
export function listAllArtifacts(call: Call): Answer {
  return jsonAnswer(filtered(call).map(artifactView));
}

/** `GET v1 artifacts/list` and `GET v2 artifacts`: the same in pages. */
export function listArtifacts(call: Call): Answer {
  const found = filtered(call);
  const { items, link } = pageOf(found, call.path, call.query);
  return jsonAnswer(items.map(artifactView), 200, { link, "x-total-count": `${found.length}` });
}

/** `GET artifacts/{id}`. */
export function getArtifact(call: Call): Answer {
  return jsonAnswer(artifactView(artifactOf(call)));
}

/** `GET artifacts/{id}/download`: a link to its bytes. */
export function artifactLink(call: Call): Answer {
  return jsonAnswer(call.context.links.make(call.origin, artifactOf(call).id));
}

/** `PUT artifacts/{id}`: changes the description. */
export async function describeArtifact(call: Call): Promise<Answer> {
  const { description } = await call.jsonObject(["description"]);
  if (typeof description !== "string") {
    throw new ServerRefusal("server.bad-request", "description: must be a text");
  }
  call.context.artifacts.describe(artifactOf(call).id, description);
  return emptyAnswer(204);
}

/** `DELETE artifacts/{id}`: 409 while an active deployment uses it. */
export function removeArtifact(call: Call): Answer {
  const artifact = artifactOf(call);
  if (call.context.deployments.isInUse(artifact.name)) {
    throw new ServerRefusal("server.conflict", "Artifact used in active deployment");
  }
  call.context.artifacts.remove(artifact.id);
  return emptyAnswer(204);
}

/** An Artifact as the real server shows it; mender-cli is strict about the types. */
export function artifactView(artifact: ArtifactRecord): JsonObject {
  const files = artifact.files.map((file) => ({
    name: file.name,
    checksum: file.sha256,
    size: file.sizeBytes,
    date: timeText(artifact.modifiedAt),
  }));
  return {
    id: artifact.id,
    description: artifact.description,
    name: artifact.name,
    device_types_compatible: artifact.deviceTypes,
    info: { format: "mender", version: artifact.formatVersion },
    signed: artifact.isSigned,
    // Which file belongs to which payload is not kept: all are shown with the first.
    updates: artifact.payloadTypes.map((type, index) => ({
      type_info: { type },
      files: index === 0 ? files : [],
      meta_data: [],
    })),
    artifact_provides: artifact.provides,
    artifact_depends: artifact.depends,
    clears_artifact_provides: artifact.clearsProvides,
    size: artifact.sizeBytes,
    modified: timeText(artifact.modifiedAt),
  };
}

function artifactOf(call: Call): ArtifactRecord {
  const id = call.param("id");
  if (!UUID.test(id)) throw new ServerRefusal("server.bad-request", "ID is not UUID");
  return call.context.artifacts.get(id);
}

function filtered(call: Call): ArtifactRecord[] {
  const names = call.query.getAll("name");
  const description = call.query.get("description");
  const deviceType = call.query.get("device_type");
  return call.context.artifacts.list().filter((artifact) =>
    (names.length === 0 || names.includes(artifact.name)) &&
    (description === null || artifact.description.includes(description)) &&
    (deviceType === null || artifact.deviceTypes.includes(deviceType))
  );
}
