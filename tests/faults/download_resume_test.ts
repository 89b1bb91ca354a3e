import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { rigArtifact } from "../support/client_rig.ts";
import { artifactRequests, type DeviceRig, isArtifactRequest } from "../support/device_rig.ts";
import {
  ARTIFACT,
  assertEnd,
  cutInTheMiddle,
  endInTheMiddle,
  HEAD,
  MIDDLE,
  never,
  overHttpAndHttps,
  publish,
  RESUMED,
  serveWell,
  SIZE,
} from "../support/download_faults.ts";

interface Restart {
  readonly name: string;
  /** What is in the part file when the next process looks; the first half when absent. */
  readonly left?: Uint8Array | null;
  /** Requests of both processes. */
  readonly requests: readonly string[];
}

const restarts: Restart[] = [
  { name: "what one process stored is never fetched again by the next", requests: RESUMED },
  {
    name: "a part file that lost its end with the power is gone on with from there",
    left: ARTIFACT.slice(0, MIDDLE - 7000),
    requests: ["whole", `bytes=${MIDDLE - 7000}-`],
  },
  {
    name: "a part file whose end is zeros since the power went is fetched anew",
    left: ARTIFACT.slice(0, MIDDLE).fill(0, MIDDLE - 5000),
    requests: ["whole", "whole"],
  },
  {
    name: "a part file that is gone is fetched anew",
    left: null,
    requests: ["whole", "whole"],
  },
  {
    name: "a part file that is complete is not fetched again",
    left: ARTIFACT,
    requests: ["whole"],
  },
  {
    name: "a part file with something behind its end is fetched anew",
    left: new Uint8Array([...ARTIFACT, 1, 2, 3]),
    requests: ["whole", "whole"],
  },
];

for (const { name, left, requests } of restarts) {
  overHttpAndHttps(`after a restart ${name}`, {}, async (server, open) => {
    const first = await open();
    const { rig } = first;
    const id = await publish(server, first);
    await endInTheMiddle(server, first);
    assert.equal(rig.record().phase, "downloading");
    if (left === null) rmSync(rig.paths.partFile);
    else if (left !== undefined) rig.write(rig.paths.partFile, left, 0o600);
    server.setInterceptor(async (exchange) => {
      if (!isArtifactRequest(exchange)) return false;
      const condition = exchange.headers.has("range") ? HEAD.etag : undefined;
      assert.equal(exchange.headers.get("if-range"), condition);
      await serveWell(exchange);
      return true;
    });
    const second = await open();
    assert.equal(await second.device.checkUpdate(never), "handed-over", second.log());
    assert.deepEqual(artifactRequests(server), requests, second.log());
    await assertEnd(server, id, second, "handed-over");
  });
}

overHttpAndHttps("after a restart another file is fetched anew", {}, async (server, open) => {
  const first = await open();
  const id = await publish(server, first);
  await endInTheMiddle(server, first);
  server.setInterceptor(async (exchange) => {
    if (!isArtifactRequest(exchange)) return false;
    // As If-Range wants it: the tag is another one, so the range is not granted.
    await exchange.reply(200, { ...HEAD, etag: '"other"' }, ARTIFACT);
    return true;
  });
  const second = await open();
  assert.equal(await second.device.checkUpdate(never), "handed-over", second.log());
  assert.deepEqual(artifactRequests(server), RESUMED);
  assert.match(second.log(), /The download starts again: the file has changed/);
  await assertEnd(server, id, second, "handed-over");
});

overHttpAndHttps(
  "without a tag a range is asked for by its date",
  {},
  async (server, open) => {
    const rigged = await open();
    const id = await publish(server, rigged);
    const { etag: _, ...head } = HEAD;
    let requests = 0;
    server.setInterceptor(async (exchange) => {
      if (!isArtifactRequest(exchange)) return false;
      if (++requests === 1) {
        exchange.start(200, { ...head, "content-length": `${SIZE}` });
        await exchange.write(ARTIFACT.subarray(0, MIDDLE));
        exchange.cut();
        return true;
      }
      assert.equal(exchange.headers.get("if-range"), head["last-modified"]);
      await exchange.reply(200, head, ARTIFACT);
      return true;
    });
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    await assertEnd(server, id, rigged, "handed-over");
  },
);

/** Breaks the download off in the middle, then lets `next` happen to its link. */
async function interrupt(
  server: Parameters<typeof publish>[0],
  rigged: DeviceRig,
  next: (id: string) => void,
): Promise<string> {
  const id = await publish(server, rigged);
  server.setInterceptor(async (exchange) => {
    if (!isArtifactRequest(exchange)) return false;
    await cutInTheMiddle(exchange);
    next(id);
    server.setInterceptor(undefined);
    return true;
  });
  return id;
}

overHttpAndHttps(
  "an expired link is renewed through next, for the same deployment",
  {},
  async (server, open) => {
    const rigged = await open();
    const id = await interrupt(server, rigged, () => server.expireLinks());
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    const nexts = server.journal.entries.filter(({ path }) => path.endsWith("/next"));
    assert.equal(nexts.length, 2);
    await assertEnd(server, id, rigged, "handed-over");
  },
);

overHttpAndHttps(
  "an expired link of a deployment that is over ends it",
  {},
  async (server, open) => {
    const rigged = await open();
    const id = await interrupt(server, rigged, (deployment) => {
      server.abortDeployment(deployment);
      server.expireLinks();
    });
    assert.equal(await rigged.device.checkUpdate(never), "gone", rigged.log());
    assert.deepEqual(rigged.rig.record().phase, "aborted");
    await assertEnd(server, id, rigged, "gone");
  },
);

overHttpAndHttps(
  "bytes that are fetched again and again are no progress: it gives up",
  { config: { DownloadMaxTries: 3 } },
  async (server, open) => {
    const rigged = await open();
    const artifact = rigArtifact("release-2", 3 << 20);
    const id = await publish(server, rigged, artifact);
    server.setInterceptor(async (exchange) => {
      if (!isArtifactRequest(exchange)) return false;
      // No ranges, no tag, and never the last quarter.
      exchange.start(200, { "content-length": `${artifact.length}` });
      await exchange.write(artifact.subarray(0, artifact.length * 3 / 4));
      exchange.cut();
      return true;
    });
    assert.equal(await rigged.device.checkUpdate(never), "failed", rigged.log());
    assert.match(rigged.log(), /gave up after [3-6] requests/);
    assert.ok(artifactRequests(server).length <= 6);
    await assertEnd(server, id, rigged, "failed");
    assert.ok(!existsSync(rigged.rig.paths.partFile));
  },
);

overHttpAndHttps(
  "a megabyte of progress makes up for what failed before",
  { config: { DownloadMaxTries: 2 } },
  async (server, open) => {
    const rigged = await open();
    const artifact = rigArtifact("release-2", 6 << 20);
    const id = await publish(server, rigged, artifact);
    const step = (1 << 20) + 300_000;
    server.setInterceptor(async (exchange) => {
      if (!isArtifactRequest(exchange)) return false;
      const first = Number(/\d+/.exec(exchange.headers.get("range") ?? "0")?.[0]);
      const range = `bytes ${first}-${artifact.length - 1}/${artifact.length}`;
      exchange.start(206, {
        ...HEAD,
        "content-range": range,
        "content-length": `${artifact.length - first}`,
      });
      await exchange.write(artifact.subarray(first, first + step));
      if (first + step >= artifact.length) exchange.end();
      else exchange.cut();
      return true;
    });
    assert.equal(await rigged.device.checkUpdate(never), "handed-over", rigged.log());
    assert.ok(artifactRequests(server).length >= 5);
    await assertEnd(server, id, rigged, "handed-over", artifact.length);
  },
);
