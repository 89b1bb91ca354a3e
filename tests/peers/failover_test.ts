import assert from "node:assert/strict";
import type { JournalEntry, MenderServer } from "../../lib/testing/mod.ts";
import { withRig } from "../support/client_rig.ts";
import { menderPeer, prepareMender, withMenderDaemon } from "../support/mender_namespace.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { withServer } from "../support/with_server.ts";

const peer = menderPeer();
const DEADLINE = { timeoutMs: 30_000 };

/** Runs a client whose `Servers` are two, in order, while `body` runs. */
type Play = (servers: readonly string[], body: () => Promise<void>) => Promise<void>;

const withMender: Play = (servers, body) =>
  inTemporaryDirectory((dir) =>
    withMenderDaemon(
      prepareMender({
        dir,
        artifactName: "acme-7",
        deviceType: "acme-box",
        mac: "02:11:22:33:44:55",
        modules: {},
        config: { Servers: servers.map((ServerURL) => ({ ServerURL })) },
      }),
      body,
    )
  );

const withOurs: Play = (servers, body) =>
  withRig({
    serverUrl: servers[0]!,
    net: servers.slice(1),
    config: { ServerURL: "", Servers: servers.map((ServerURL) => ({ ServerURL })) },
  }, async (rig) => {
    const daemon = rig.start("daemon");
    await body();
    daemon.kill("SIGTERM");
    assert.equal((await daemon.ended).code, 0, daemon.output());
  });

const isAuth = ({ path }: JournalEntry): boolean => path.endsWith("/auth_requests");
const isPoll = ({ path, status }: JournalEntry): boolean =>
  path.endsWith("/next") && status === 204;

function fail(server: MenderServer): void {
  server.setInterceptor(async (exchange) => {
    await exchange.reply(503);
    return true;
  });
}

/** Waits for so many polls that come after this moment. */
async function polls(server: MenderServer, count: number): Promise<void> {
  for (let from = server.journal.position; count > 0; count--) {
    await server.journal.waitFor(isPoll, { ...DEADLINE, from });
    from = server.journal.position;
  }
}

const clients: [name: string, play: Play, options: { skip?: string }][] = [
  ["mender 3.4", withMender, peer],
  ["daemon", withOurs, {}],
];
for (const [name, play, options] of clients) {
  test(
    `${name} goes on to the second server, stays there, and begins with the first at the next authentication`,
    () =>
      withServer(
        { autoAccept: true },
        (first) =>
          withServer({ autoAccept: true }, async (second) => {
            fail(first);
            await play([first.url, second.url], async () => {
              await polls(second, 1);
              const asked = first.journal.entries.filter(isAuth).length;
              assert.ok(asked > 0, "the first is asked first");

              first.setInterceptor(undefined);
              await polls(second, 3);
              assert.equal(first.journal.entries.filter(isAuth).length, asked);
              assert.equal(first.journal.entries.filter(isPoll).length, 0);

              second.revokeTokens();
              await polls(first, 3);
              const polled = second.journal.entries.filter(isPoll).length;
              await polls(first, 1);
              assert.equal(second.journal.entries.filter(isPoll).length, polled);
            });
          }),
      ),
    options,
  );
}

// mender 3.4.0 stays with the lost server: its inventory is sent there again and again.
test("daemon looks for another server when the one that answered is lost", () =>
  withServer({ autoAccept: true }, (first) =>
    withServer({ autoAccept: true }, async (second) => {
      await withOurs([first.url, second.url], async () => {
        await polls(first, 1);
        first.setInterceptor((exchange) => {
          exchange.reset();
          return true;
        });
        await polls(second, 2);
      });
    })));
