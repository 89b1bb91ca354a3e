import { generateKeyPairSync } from "node:crypto";
import type { ClientEvent, MenderClient } from "../../mod.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { type ClientRig, rigArtifact, withRig } from "./client_rig.ts";
import { waitUntil } from "./wait.ts";
import { withServer } from "./with_server.ts";

/** A server, and a device on which a client of the library can run. */
export function withLibraryDevice(
  body: (parts: { server: MenderServer; rig: ClientRig }) => Promise<void>,
): Promise<void> {
  return withServer(
    { autoAccept: true },
    (server) =>
      withRig({ serverUrl: server.url }, (rig) => {
        giveKey(rig);
        return body({ server, rig });
      }),
  );
}

/** Gives a device a key: to make one of the usual kind takes longer than most tests. */
export function giveKey(rig: ClientRig): void {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  rig.write(rig.paths.key, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
}

/** Publishes an Artifact for so many devices, once they are there; gives the ID of the deployment. */
export async function publish(
  server: MenderServer,
  devices = 1,
  name = "release-2",
): Promise<string> {
  const accepted = (): number =>
    server.devices().filter(({ status }) => status === "accepted").length;
  await waitUntil("the devices", () => accepted() >= devices, 60_000);
  await server.uploadArtifact(rigArtifact(name));
  return server.createDeployment({ artifactName: name });
}

/** Reads events until one of them is what is wanted, and gives all that were read. */
export async function eventsUntil(
  events: AsyncIterableIterator<ClientEvent>,
  isLast: (event: ClientEvent) => boolean,
): Promise<ClientEvent[]> {
  const seen: ClientEvent[] = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error(`The events ended: ${JSON.stringify(seen)}`);
    seen.push(value);
    if (isLast(value)) return seen;
  }
}

/** Runs a body with a client, and closes it. */
export async function using<T>(
  starting: Promise<MenderClient>,
  body: (client: MenderClient) => Promise<T>,
): Promise<T> {
  const client = await starting;
  try {
    return await body(client);
  } finally {
    await client.close();
  }
}
