import assert from "node:assert/strict";
import { rigArtifact, withRig } from "../support/client_rig.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";
import { withServer } from "../support/with_server.ts";

// deno-lint-ignore no-explicit-any
type Line = any;

/** What a followed command has printed so far, one object a line. */
function lines(output: string): Line[] {
  return output.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

test("status --follow --json tells a whole deployment, and goes on with the next daemon", async () => {
  await withServer({ autoAccept: true }, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const follower = rig.start("status", "--follow", "--json");
      const seen = (what: string, find: (line: Line) => boolean): Promise<Line> =>
        waitUntil(what, () => lines(follower.output()).find(find), 30_000);
      await seen("that none runs", ({ type, daemon }) => type === "status" && daemon === null);
      const daemon = rig.start("daemon");
      await seen("the daemon", ({ type, daemon }) => type === "status" && daemon !== null);
      await seen("a poll", ({ type, result }) => type === "polled" && result === "nothing");
      await server.uploadArtifact(rigArtifact("release-2"));
      const id = server.createDeployment({ artifactName: "release-2" });
      await seen("the hand-off", ({ phase }) => phase === "handed_over");
      assert.equal((await daemon.ended).code, 0, daemon.output());

      const next = rig.start("daemon");
      await waitUntil(
        "the next daemon",
        () => lines(follower.output()).filter(({ daemon }) => daemon).length === 2,
        30_000,
      );
      assert.equal((await rig.run("report", "--failure", "--message", "no room")).code, 0);
      await seen("the end", ({ phase }) => phase === "acknowledged");
      const events = lines(follower.output()).filter(({ type }) => type !== "status");
      assert.deepEqual(
        events.filter(({ type }) => type === "phase").map(({ phase }) => phase),
        ["received", "downloading", "downloaded", "verified", "handing_over", "handed_over"]
          .concat(["outcome_recorded", "acknowledged"]),
      );
      assert.ok(events.every(({ deploymentId }) => [undefined, id].includes(deploymentId)));
      assert.deepEqual(events.filter(({ type }) => type === "outcome"), [
        { type: "outcome", deploymentId: id, status: "failure", message: "no room" },
      ]);
      assert.ok(
        events.some(({ type, receivedBytes, totalBytes }) =>
          type === "progress" && receivedBytes === totalBytes
        ),
      );
      next.kill("SIGTERM");
      await next.ended;
      follower.kill("SIGINT");
      assert.equal((await follower.ended).code, 130);
    });
  });
});

test("status --follow tells people what happens, under the set of the daemon", async () => {
  await withServer({}, async (server) => {
    await withRig({ serverUrl: server.url }, async (rig) => {
      const daemon = rig.start("daemon");
      const follower = rig.start("status", "--follow");
      await waitUntil("the refusal", () => follower.output().includes("not accepted by"), 30_000);
      server.acceptDevice(server.devices()[0]!.id);
      await waitUntil("a poll", () => follower.output().includes("polled: nothing"), 30_000);
      const said = follower.output();
      assert.match(said, /^daemon: runs, not let in by the server$/m);
      assert.match(said, /^not accepted by the server yet; asking again in [\d.]+ s$/m);
      assert.match(said, /^let in by the server\ninventory sent\npolled: nothing$/m);
      daemon.kill("SIGTERM");
      await daemon.ended;
      await waitUntil("its end", () => follower.output().includes("daemon: does not run"));
      follower.kill("SIGTERM");
      assert.equal((await follower.ended).code, 130);
    });
  });
});
