import assert from "node:assert/strict";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { startServer } from "../../lib/testing/mod.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import type { RawDevice } from "../support/raw_device.ts";
import {
  acceptedDevice,
  movableClock,
  smallArtifact,
  statusOf,
  withServer,
} from "../support/with_server.ts";

const PROVIDES = { artifact_name: "acme-7", device_type: "acme-box" };
const ARTIFACT = smallArtifact("acme-8");
const SIZE = ARTIFACT.length;

async function linkFor(device: RawDevice): Promise<string> {
  return (await (await device.next(PROVIDES)).json()).artifact.source.uri;
}

async function bytesOf(answer: Response): Promise<Uint8Array> {
  return new Uint8Array(await answer.arrayBuffer());
}

test("a link gives the whole Artifact, by GET its bytes and by HEAD their size", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    await server.uploadArtifact(ARTIFACT);
    server.createDeployment({ artifactName: "acme-8" });
    const link = await linkFor(device);
    const whole = await fetch(link);
    assert.equal(whole.status, 200);
    assert.equal(whole.headers.get("accept-ranges"), "bytes");
    assert.match(whole.headers.get("etag") ?? "", /^"[0-9a-f]{64}"$/);
    assert.deepEqual(await bytesOf(whole), ARTIFACT);
    const head = await fetch(link, { method: "HEAD", headers: { range: "bytes=5-" } });
    assert.equal(head.status, 200);
    assert.equal(head.headers.get("content-length"), `${SIZE}`);
    assert.equal((await bytesOf(head)).length, 0);
    assert.equal(await statusOf(fetch(link, { method: "POST" })), 405);
    assert.deepEqual(server.violations(), []);
    assert.equal(server.journal.entries.some(({ query }) => query.signature?.length === 64), false);
  }));

type RangeCase = [name: string, headers: (etag: string) => Record<string, string>, range: string];
const RANGES: RangeCase[] = [
  ["from a byte on", () => ({ range: "bytes=100-" }), `bytes 100-${SIZE - 1}/${SIZE}`],
  ["between bytes", () => ({ range: "bytes=0-9" }), `bytes 0-9/${SIZE}`],
  ["the last bytes", () => ({ range: "bytes=-7" }), `bytes ${SIZE - 7}-${SIZE - 1}/${SIZE}`],
  [
    "more than there is",
    () => ({ range: `bytes=5-${SIZE * 2}` }),
    `bytes 5-${SIZE - 1}/${SIZE}`,
  ],
  [
    "if the entity tag is the same",
    (etag) => ({ range: "bytes=3-5", "if-range": etag }),
    `bytes 3-5/${SIZE}`,
  ],
  ["whole: another entity tag", () => ({ range: "bytes=3-5", "if-range": '"x"' }), "whole"],
  ["whole: several ranges", () => ({ range: "bytes=0-1,4-5" }), "whole"],
  ["whole: another unit", () => ({ range: "items=0-1" }), "whole"],
  ["whole: ends before it begins", () => ({ range: "bytes=9-5" }), "whole"],
  ["nothing: behind the end", () => ({ range: `bytes=${SIZE}-` }), "nothing"],
  ["nothing: the last 0 bytes", () => ({ range: "bytes=-0" }), "nothing"],
];

test("a link gives the range that was asked for", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    await server.uploadArtifact(ARTIFACT);
    server.createDeployment({ artifactName: "acme-8" });
    const link = await linkFor(device);
    const etag = (await fetch(link, { method: "HEAD" })).headers.get("etag") ?? "";
    for (const [name, headers, wanted] of RANGES) {
      const answer = await fetch(link, { headers: headers(etag) });
      const body = await bytesOf(answer);
      if (wanted === "whole") {
        assert.equal(answer.status, 200, name);
        assert.deepEqual(body, ARTIFACT, name);
        assert.equal(answer.headers.get("content-range"), null, name);
      } else if (wanted === "nothing") {
        assert.equal(answer.status, 416, name);
        assert.equal(answer.headers.get("content-range"), `bytes */${SIZE}`, name);
      } else {
        assert.equal(answer.status, 206, name);
        assert.equal(answer.headers.get("content-range"), wanted, name);
        assert.equal(answer.headers.get("etag"), etag, name);
        const [, first = "", last = ""] = /(\d+)-(\d+)/.exec(wanted) ?? [];
        assert.deepEqual(body, ARTIFACT.subarray(Number(first), Number(last) + 1), name);
      }
    }
  }));

test("a link ends with its time, when all are ended, and when it is changed", async () => {
  const { drivers, advance } = await movableClock();
  await withServer({ drivers, linkLifeSeconds: 60 }, async (server) => {
    const { device } = await acceptedDevice(server);
    await server.uploadArtifact(ARTIFACT);
    server.createDeployment({ artifactName: "acme-8" });
    const link = await linkFor(device);
    assert.equal(await statusOf(fetch(link)), 200);
    assert.equal(await statusOf(fetch(link.replace(/signature=..../, "signature=0000"))), 403);
    assert.equal(await statusOf(fetch(link.replace(/expires=\d/, "expires=9"))), 403);
    advance(61_000);
    assert.equal(await statusOf(fetch(link)), 403);
    const fresh = await linkFor(device);
    assert.equal(await statusOf(fetch(fresh)), 200);
    server.expireLinks();
    assert.equal(await statusOf(fetch(fresh)), 403);
    assert.equal(await statusOf(fetch(await linkFor(device))), 200);
  });
});

test("a token on a link is noted as a violation", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    await server.uploadArtifact(ARTIFACT);
    server.createDeployment({ artifactName: "acme-8" });
    const headers = { authorization: `Bearer ${device.token}` };
    assert.equal(await statusOf(fetch(await linkFor(device), { headers })), 200);
    assert.match(server.violations()[0]?.violation ?? "", /Authorization/);
  }));

test("Artifacts in a directory survive a restart, larger ones than a chunk too", () =>
  inTemporaryDirectory(async (dir) => {
    const drivers = await hostDrivers();
    const artifact = smallArtifact("acme-8", 700_000);
    const first = await startServer({ drivers, dir });
    const { device } = await acceptedDevice(first);
    await first.uploadArtifact(artifact);
    first.createDeployment({ artifactName: "acme-8" });
    const link = new URL(await linkFor(device));
    await first.close();
    await withServer({ drivers, dir }, async (server) => {
      const moved = server.url + link.pathname + link.search;
      assert.deepEqual(await bytesOf(await fetch(moved)), artifact);
      const part = await fetch(moved, { headers: { range: "bytes=300000-500000" } });
      assert.deepEqual(await bytesOf(part), artifact.subarray(300_000, 500_001));
    });
  }));

test("a client that leaves in mid-download does no harm", () =>
  withServer({}, async (server) => {
    const { device } = await acceptedDevice(server);
    await server.uploadArtifact(smallArtifact("acme-8", 20_000_000));
    server.createDeployment({ artifactName: "acme-8" });
    const link = await linkFor(device);
    const reader = (await fetch(link)).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    assert.equal(await statusOf(fetch(link, { method: "HEAD" })), 200);
  }));
