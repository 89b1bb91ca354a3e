import { type Answer, emptyAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { formBoundary, partText, readForm } from "../multipart.ts";
import type { ArtifactRecord } from "../records/state.ts";
import { ServerRefusal } from "../refusal.ts";
import { UUID } from "./artifacts.ts";

const MAX_FIELD_BYTES = 64 * 1024;

/**
 * `POST artifacts`: a form with `description`, `size` and `artifact_id` before the `artifact`, which is
 * parsed while it arrives. Parts behind the Artifact are ignored; a `size` that is not the Artifact's
 * is noted.
 */
export async function uploadArtifact(call: Call): Promise<Answer> {
  const boundary = formBoundary(call.exchange.headers.get("content-type"));
  if (boundary === undefined) {
    throw new ServerRefusal("server.bad-request", "request Content-Type isn't multipart/form-data");
  }
  try {
    const artifact = await takeForm(call, boundary);
    return emptyAnswer(201, {
      location: `/api/management/v1/deployments/artifacts/${artifact.id}`,
    });
  } finally {
    // What follows, or what a refusal left unread, must not keep the client from reading the answer.
    await call.exchange.drain();
  }
}

async function takeForm(call: Call, boundary: string): Promise<ArtifactRecord> {
  let description: string | undefined;
  let id: string | undefined;
  let size: string | undefined;
  let artifact: ArtifactRecord | undefined;
  for await (const part of readForm(call.exchange.chunks(), boundary)) {
    if (artifact !== undefined) continue;
    else if (part.name === "description") description = await partText(part, MAX_FIELD_BYTES);
    else if (part.name === "size") size = await partText(part, MAX_FIELD_BYTES);
    else if (part.name === "artifact_id") id = readId(await partText(part, MAX_FIELD_BYTES));
    else if (part.name === "artifact") {
      artifact = await call.context.artifacts.upload(part.body, { description, id });
      if (size !== undefined && size !== `${artifact.sizeBytes}`) {
        const said = JSON.stringify(size.slice(0, 40));
        call.violation(`size says ${said}, the Artifact has ${artifact.sizeBytes} bytes`);
      }
    }
  }
  if (artifact !== undefined) return artifact;
  throw new ServerRefusal("server.bad-request", "request does not contain artifact");
}

function readId(text: string): string | undefined {
  if (text === "") return undefined;
  if (!UUID.test(text)) throw new ServerRefusal("server.bad-request", "artifact_id is not a UUID");
  return text;
}
