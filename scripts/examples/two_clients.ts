/**
 * Two devices in one process: a gateway, say, and what is behind it. Each has a directory of its own, and
 * ends with the first deployment.
 *
 * Run: `deno run -A scripts/examples/two_clients.ts <root> <root>`
 */
import process from "node:process";
import { MenderClient } from "../../mod.ts";

await Promise.all(
  process.argv.slice(2).map(async (root, at) => {
    const client = await MenderClient.start({
      root,
      onDeployment: ({ artifactName }) => console.log(`device ${at + 1}: ${artifactName}`),
    });
    for await (const event of client.events()) {
      if (event.type === "phase" && event.phase === "acknowledged") break;
    }
    await client.close();
  }),
);
console.log("both are done");
