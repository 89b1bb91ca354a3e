import { Buffer } from "node:buffer";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../../lib/core/errors.ts";
import type { MenderServer } from "../../lib/testing/mod.ts";
import { operator } from "../../tests/support/with_server.ts";
import { SessionBroken } from "./session_broken.ts";

/**
 * Sends a file to a device, and fetches it again. One that was not acknowledged is the old or the new one,
 * and nothing between.
 *
 * @throws {SessionBroken} It did not get through.
 */
export async function visitFile(
  server: MenderServer,
  deviceId: string,
  path: string,
  content: Buffer<ArrayBuffer>,
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const read = (): Buffer | undefined => existsSync(path) ? readFileSync(path) : undefined;
  const before = read();
  const isOld = (): boolean => {
    const now = read();
    return now === undefined || before === undefined ? now === before : now.equals(before);
  };
  const isNew = (): boolean => read()?.equals(content) === true;
  const files = `/v1/deviceconnect/devices/${deviceId}`;
  const form = new FormData();
  form.append("path", path);
  form.append("file", new Blob([content]), "file");
  try {
    await (await answered(server, 201, "PUT", `${files}/upload`, form)).arrayBuffer();
  } catch (error) {
    if (isOld() || isNew()) throw error;
    throw new Error(`${path} is neither the old file nor the new one`, { cause: error });
  }
  if (!isNew()) throw new Error(`${path} is not the file that was acknowledged`);
  const query = `path=${encodeURIComponent(path)}`;
  const answer = await answered(server, 200, "GET", `${files}/download?${query}`);
  const got = Buffer.from(await answer.arrayBuffer().catch(broken));
  if (!got.equals(content)) throw new Error(`${path} came back as another file`);
}

async function answered(
  server: MenderServer,
  status: number,
  ...request: Parameters<Awaited<ReturnType<typeof operator>>>
): Promise<Response> {
  const manage = await operator(server).catch(broken);
  const answer = await manage(...request).catch(broken);
  if (answer.status === status) return answer;
  const text = await answer.text().catch(messageOf);
  throw new SessionBroken(`${request[0]} was answered ${answer.status}: ${text}`);
}

function broken(error: unknown): never {
  throw new SessionBroken(messageOf(error), { cause: error });
}
