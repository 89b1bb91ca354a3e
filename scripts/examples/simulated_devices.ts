/**
 * Many simulated devices in one process, to see what a server makes of them: each polls until it was
 * answered three times.
 *
 * Run: `deno run -A scripts/examples/simulated_devices.ts <server> <devices>`
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { MenderClient } from "../../mod.ts";

const [server = "", count = "10"] = process.argv.slice(2);
const directory = mkdtempSync(join(tmpdir(), "simulated-devices-"));
let polls = 0;
try {
  await Promise.all(Array.from({ length: Number(count) }, (_, at) => simulate(at)));
} finally {
  rmSync(directory, { recursive: true });
}
console.log(`${count} devices were answered ${polls} times`);

async function simulate(at: number): Promise<void> {
  const root = join(directory, String(at));
  mkdirSync(join(root, "var/lib/mender"), { recursive: true, mode: 0o700 });
  mkdirSync(join(root, "etc/mender"), { recursive: true });
  writeFileSync(join(root, "etc/mender/artifact_info"), "artifact_name=release-1\n");
  writeFileSync(join(root, "var/lib/mender/device_type"), "device_type=simulated\n");
  // The key that a client makes itself is an RSA key, which takes its time.
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  writeFileSync(join(root, "var/lib/mender/mender-agent.pem"), pem, { mode: 0o600 });
  const client = await MenderClient.start({
    root,
    identity: { serial: String(at) },
    settings: { ServerURL: server, UpdatePollIntervalSeconds: 1, RetryPollIntervalSeconds: 1 },
    onDeployment: () => {},
  });
  let own = 0;
  for await (const event of client.events()) {
    if (event.type === "polled" && ++own === 3) break;
  }
  polls += own;
  await client.close();
}
