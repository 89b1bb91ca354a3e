import assert from "node:assert/strict";
import type { HttpExchange } from "../../lib/testing/mod.ts";
import { artifactRequests, isArtifactRequest } from "../support/device_rig.ts";
import {
  ARTIFACT,
  assertEnd,
  HEAD,
  never,
  overHttpAndHttps,
  publish,
  SIZE,
} from "../support/download_faults.ts";
import { waitUntil } from "../support/wait.ts";

/** A drip that keeps the connection alive for longer than it should matter. */
async function drip(exchange: HttpExchange, onStart: () => void): Promise<void> {
  exchange.start(200, { ...HEAD, "content-length": `${SIZE}` });
  await exchange.write(ARTIFACT.subarray(0, 1000));
  onStart();
  for (let at = 1000; at < SIZE && !exchange.ended.aborted; at += 10) {
    await exchange.write(ARTIFACT.subarray(at, at + 10));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

for (const [answer, isAnswered] of [["409", false], ["404", true]] as const) {
  overHttpAndHttps(
    `an abort at the server, told by ${answer}, ends it within a minute or so`,
    {},
    async (server, open) => {
      const rigged = await open();
      const id = await publish(server, rigged);
      let isAborted = false;
      server.setInterceptor(async (exchange) => {
        if (isAborted && isAnswered && exchange.target.endsWith("/status")) {
          await exchange.reply(404);
          return true;
        }
        if (!isArtifactRequest(exchange)) return false;
        await drip(exchange, () => {
          server.abortDeployment(id);
          isAborted = true;
        });
        return true;
      });
      const result = await rigged.device.checkUpdate(never);
      assert.equal(result, "gone", rigged.log());
      // The server notices that nobody reads on.
      await waitUntil("the end of the drip", () => artifactRequests(server).length);
      assert.deepEqual(artifactRequests(server), ["whole"]);
      const told = server.journal.entries.filter(({ path }) => path.endsWith("/status"));
      assert.deepEqual(
        told.map(({ status, body }) => [status, (body as { status?: string })?.status]),
        [[204, "downloading"], [Number(answer), isAnswered ? undefined : "downloading"]],
      );
      assert.match(rigged.log(), /The server has taken the deployment back; it is not installed/);
      await assertEnd(server, id, rigged, "gone");
    },
  );
}
