/**
 * Reads an Artifact, checks it whole, and shows what it is.
 *
 * Run: `deno run -A scripts/examples/show_artifact.ts release.mender`
 */
import { createReadStream } from "node:fs";
import process from "node:process";
import { ArtifactReader, isMenderError } from "../../mod.ts";

const [path = ""] = process.argv.slice(2);
const reader = new ArtifactReader({ verifyKeys: [] });

try {
  for await (const chunk of createReadStream(path)) await reader.push(chunk);
  const { name, deviceTypes, files } = await reader.finish();
  console.log(`${name} for ${deviceTypes.join(", ")}`);
  for (const { name, sizeBytes } of files) console.log(`  ${name}: ${sizeBytes} bytes`);
} catch (error) {
  if (!isMenderError(error)) throw error;
  console.log(`${error.code}: ${error.message}`);
} finally {
  reader.abandon();
}
