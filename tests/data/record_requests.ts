/**
 * A server that records what a Mender client sends: answers every call on loopback as a server that
 * accepts the device and has no deployment, and stores the body of each first call in a directory.
 *
 * Used once to make the fixtures beside it: `deno run -A tests/data/record_requests.ts PORT DIR`.
 */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Buffer } from "node:buffer";
import process from "node:process";

const [port, directory] = process.argv.slice(2);
if (port === undefined || directory === undefined) {
  throw new TypeError("Cannot record: wanted PORT and DIR");
}
const seen = new Set<string>();

createServer(async (request, response) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const kind = /auth_requests|attributes|next/.exec(request.url ?? "")?.[0] ?? "other";
  if (!seen.has(kind)) {
    seen.add(kind);
    const { "x-men-signature": signature, "content-type": type, authorization } = request.headers;
    if (kind === "auth_requests") {
      writeFileSync(join(directory, "auth_request.json"), body);
      writeFileSync(join(directory, "auth_request.signature"), `${signature}\n`);
      writeFileSync(
        join(directory, "auth_request.headers"),
        `${request.method} ${request.url}\ncontent-type: ${type}\nauthorization: ${authorization}\n`,
      );
    }
    if (kind === "attributes") writeFileSync(join(directory, "inventory_request.json"), body);
  }
  if (kind === "auth_requests") response.writeHead(200).end("aaaa.bbbb.cccc");
  else if (kind === "attributes") response.writeHead(200).end();
  else response.writeHead(204).end();
}).listen(Number(port), "127.0.0.1");
