import type { Answer } from "../answer.ts";
import { decideRange } from "../byte_range.ts";
import type { Call } from "../call.ts";
import { ServerRefusal } from "../refusal.ts";

/**
 * `GET` and `HEAD` of a signed link: the bytes of an Artifact, or the range that was asked for
 * (device-api section 6). A token is not needed, and sending it is a violation: at the real server the link
 * leads to a foreign host.
 */
export function downloadArtifact(call: Call): Answer {
  const { artifacts, links } = call.context;
  const { headers, method } = call.exchange;
  if (headers.has("authorization")) call.violation("Authorization was sent to a download link");
  const id = call.param("id");
  links.check(id, call.query);
  const artifact = artifacts.get(id);
  const etag = `"${artifact.sha256}"`;
  const size = artifact.sizeBytes;
  const common = {
    "content-type": "application/vnd.mender-artifact",
    "accept-ranges": "bytes",
    "last-modified": new Date(artifact.modifiedAt).toUTCString(),
    etag,
  };
  // Range is defined for GET alone (RFC 9110 section 14.2).
  const range = method === "GET"
    ? decideRange(headers.get("range"), headers.get("if-range"), etag, size)
    : { type: "whole" } as const;
  if (range.type === "unsatisfiable") {
    throw new ServerRefusal("server.range", "the range lies outside the Artifact", {
      headers: { "content-range": `bytes */${size}` },
    });
  }
  if (range.type === "whole") {
    return { status: 200, headers: common, body: artifacts.open(artifact) };
  }
  const { first, last } = range;
  return {
    status: 206,
    headers: { ...common, "content-range": `bytes ${first}-${last}/${size}` },
    body: artifacts.open(artifact, first, last - first + 1),
  };
}
