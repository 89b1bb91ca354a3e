/**
 * An application that updates itself: a whole client, with the installation in a callback.
 *
 * Run: `deno run -A scripts/examples/run_client.ts [root]`
 */
import { copyFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { type Installation, MenderClient } from "../../mod.ts";

const [root = "/"] = process.argv.slice(2);

const client = await MenderClient.start({ root, onDeployment: install, onResume: install });
process.once("SIGTERM", () => void client.close());

for await (const event of client.events()) {
  if (event.type === "outcome") console.log(`${event.status}: ${event.message}`);
  if (event.type === "failure") console.log(`${event.message}; again soon`);
}

/** Takes the place of a real installation: it can be done twice, so it may be resumed. */
async function install(installation: Installation): Promise<string> {
  const { artifactName, artifactPath, provides } = installation;
  console.log(`installing ${artifactName}`);
  await copyFile(artifactPath, `${root}/installed.mender`);
  const lines = Object.entries(provides).map(([key, value]) => `${key}=${value}\n`);
  await writeFile(`${root}/etc/mender/artifact_info`, lines.join(""));
  return `${artifactName} is installed`;
}
