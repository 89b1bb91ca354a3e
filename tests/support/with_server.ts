import { hostDrivers } from "../../lib/runtime/host.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { type MenderServer, type ServerOptions, startServer } from "../../lib/testing/mod.ts";
import { writeArtifact } from "../../lib/testing/artifact_writer.ts";
import { RawDevice } from "./raw_device.ts";

/** Runs a test body with an embedded server, which is closed afterwards. */
export async function withServer<T>(
  options: Partial<ServerOptions>,
  body: (server: MenderServer) => Promise<T>,
): Promise<T> {
  const server = await startServer({ drivers: await hostDrivers(), ...options });
  try {
    return await body(server);
  } finally {
    await server.close();
  }
}

/** Drivers whose wall clock a test moves by hand; it starts at the real time. */
export async function movableClock(): Promise<{ drivers: Drivers; advance(ms: number): void }> {
  const drivers = await hostDrivers();
  let offset = 0;
  return {
    drivers: { ...drivers, clock: { ...drivers.clock, now: () => drivers.clock.now() + offset } },
    advance: (ms) => void (offset += ms),
  };
}

/** A small Artifact for `acme-box`. */
export function smallArtifact(name: string, sizeBytes = 20_000): Uint8Array {
  return writeArtifact({
    name,
    deviceTypes: ["acme-box"],
    payloadType: "acme",
    files: [{ name: "payload.bin", content: { sizeBytes, seed: 7 } }],
    compression: "none",
  });
}

/** A device that has been accepted, with its ID. */
export async function acceptedDevice(
  server: MenderServer,
  identity: Record<string, unknown> = { mac: "02:00:00:00:00:01" },
): Promise<{ device: RawDevice; id: string }> {
  const device = new RawDevice(server.url, identity);
  await (await device.authenticate()).body?.cancel();
  const id = server.devices().at(-1)?.id ?? "";
  server.acceptDevice(id);
  const answer = await device.authenticate();
  await answer.body?.cancel();
  if (answer.status !== 200) throw new Error(`the device was not accepted: ${answer.status}`);
  return { device, id };
}

/** A management client that is logged in. */
export async function operator(
  server: MenderServer,
): Promise<(method: string, path: string, body?: unknown) => Promise<Response>> {
  const login = await fetch(`${server.url}/api/management/v1/useradm/auth/login`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${server.user}:${server.password}`)}` },
  });
  const token = await login.text();
  return (method, path, body) =>
    fetch(`${server.url}/api/management${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && !(body instanceof FormData) &&
          { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: body instanceof FormData ? body : JSON.stringify(body) }),
    });
}

/** Reads an answer to its end and gives its status. */
export async function statusOf(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.arrayBuffer();
  return response.status;
}
