import { strict as assert } from "node:assert";
import type { Authorization } from "../../lib/api/device_session.ts";
import { BusTokens } from "../../lib/connect/bus_tokens.ts";
import type { TokenSource } from "../../lib/connect/token_source.ts";
import type { Clock } from "../../lib/runtime/clock.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { fastClock } from "../support/fast_clock.ts";
import { type LogRecorder, logRecorder } from "../support/log_recorder.ts";
import { ScriptedAuthenticator, type TokenPair } from "../support/scripted_authenticator.ts";
import { busPeer, type SystemBus, withSystemBus } from "../support/system_bus.ts";
import { inTemporaryDirectory } from "../support/temporary.ts";
import { test } from "../support/test.ts";
import { waitUntil } from "../support/wait.ts";

const [FIRST, SECOND]: readonly [TokenPair, TokenPair] = [
  ["aaa.bbb.one", "http://127.0.0.1:4001"],
  ["aaa.bbb.two", "http://127.0.0.1:4002"],
];
const authorization = ([token, serverUrl]: TokenPair): Authorization => ({ token, serverUrl });

/** A key that always gets the same token. */
const KEY: TokenPair = ["aaa.bbb.key", "https://server.example"];
const keyTokens = (): TokenSource & { refusals: number } => ({
  refusals: 0,
  current: () => Promise.resolve(authorization(KEY)),
  refused() {
    this.refusals++;
  },
  changes: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
});

interface Rig {
  readonly bus: SystemBus;
  readonly tokens: BusTokens;
  readonly fallback: ReturnType<typeof keyTokens>;
  readonly logger: LogRecorder;
  /** Each change so far. */
  readonly changes: (Authorization | undefined)[];
  /** Each token that was told to be a secret. */
  readonly secrets: string[];
  current(): Promise<Authorization | undefined>;
}

function withTokens(
  options: { hasKey: boolean; clock?: Clock; client?: TokenPair },
  body: (rig: Rig, client: ScriptedAuthenticator) => Promise<void>,
): Promise<void> {
  return inTemporaryDirectory((dir) =>
    withSystemBus(dir, {}, async (bus) => {
      const [logger, fallback, secrets] = [logRecorder(), keyTokens(), [] as string[]];
      const client = options.client &&
        await ScriptedAuthenticator.start(bus.address, options.client);
      const tokens = new BusTokens({
        address: bus.address,
        clock: options.clock ?? systemClock,
        random: { next: () => 0.5, uuid: () => "" },
        logger,
        fallback: options.hasKey ? fallback : undefined,
        onToken: (token) => void secrets.push(token),
      });
      const end = new AbortController();
      const following = tokens.follow(end.signal);
      const changes: (Authorization | undefined)[] = [];
      const reading = (async () => {
        for await (const change of tokens.changes) changes.push(change);
      })();
      const current = () => tokens.current(end.signal);
      try {
        await body(
          { bus, tokens, fallback, logger, changes, secrets, current },
          client as ScriptedAuthenticator,
        );
      } finally {
        end.abort();
        await following;
        tokens.changes.end();
        await reading;
        await client?.stop();
      }
    })
  );
}

/** A client comes to the bus, and tokens are its own from then on. */
async function takesClient({ bus, changes, current }: Rig): Promise<void> {
  const client = await ScriptedAuthenticator.start(bus.address, FIRST);
  await waitUntil("the token", () => changes.at(-1)?.token === FIRST[0]);
  assert.deepEqual(await current(), authorization(FIRST));
  await client.stop();
}

test(
  "tokens of the bus come from the client that owns the name, and the key is left alone",
  () =>
    withTokens(
      { hasKey: true, client: FIRST },
      async ({ current, changes, secrets, logger }, client) => {
        assert.deepEqual(await current(), authorization(FIRST));
        client.know(SECOND);
        await waitUntil("the change", () => changes.at(-1)?.token === SECOND[0]);
        assert.deepEqual(await current(), authorization(SECOND));
        client.know(["", ""]);
        await waitUntil("the loss", () => changes.at(-1) === undefined);
        assert.equal(await current(), undefined);
        client.know(FIRST);
        await waitUntil("the token", () => changes.at(-1)?.token === FIRST[0]);
        assert.deepEqual(new Set(secrets), new Set([FIRST[0], SECOND[0]]));
        assert.match(logger.all(), /Tokens come from the Mender client/);
      },
    ),
  busPeer,
);

test(
  "tokens of the bus are waited for while the client has none yet",
  () =>
    withTokens({ hasKey: true, client: ["", ""] }, async ({ current, changes }, client) => {
      assert.equal(await current(), undefined);
      client.know(FIRST);
      await waitUntil("the token", () => changes.at(-1)?.token === FIRST[0]);
      assert.deepEqual(await current(), authorization(FIRST));
    }),
  busPeer,
);

test(
  "tokens of the bus: a client that comes takes the place of the key",
  () =>
    withTokens({ hasKey: true }, async (rig) => {
      const { current, logger } = rig;
      assert.deepEqual(await current(), authorization(KEY));
      assert.match(logger.all(), /tokens are got with the device's key/);
      await takesClient(rig);
    }),
  busPeer,
);

test(
  "tokens of the bus: without a key nobody else is asked",
  () =>
    withTokens({ hasKey: false }, async (rig) => {
      assert.equal(await rig.current(), undefined);
      await takesClient(rig);
    }),
  busPeer,
);

test(
  "tokens of the bus: a client that starts anew is waited for, one that stays away is replaced by the key",
  () =>
    withTokens({ hasKey: true, client: FIRST, clock: fastClock(20) }, async (rig, client) => {
      const { current, bus, changes, logger } = rig;
      assert.deepEqual(await current(), authorization(FIRST));
      await client.stop();
      await waitUntil("the end", () => /has left the D-Bus/.test(logger.all()));
      assert.equal(await current(), undefined);
      const next = await ScriptedAuthenticator.start(bus.address, SECOND);
      await waitUntil("the token", () => changes.at(-1)?.token === SECOND[0]);
      assert.deepEqual(await current(), authorization(SECOND));
      await next.stop();
      await waitUntil("the key", async () => (await current())?.token === KEY[0], 30_000);
    }),
  busPeer,
);

test(
  "tokens of the bus outlive the bus",
  () =>
    withTokens({ hasKey: true, client: FIRST }, async ({ current, bus, changes }) => {
      assert.deepEqual(await current(), authorization(FIRST));
      await bus.stop();
      await waitUntil("the end", async () => await current() === undefined);
      await bus.start();
      const client = await ScriptedAuthenticator.start(bus.address, SECOND);
      await waitUntil("the token", () => changes.at(-1)?.token === SECOND[0], 30_000);
      assert.deepEqual(await current(), authorization(SECOND));
      await client.stop();
    }),
  busPeer,
);

test(
  "tokens of the bus: one that the server refuses is not given again, and another one is asked for",
  () =>
    withTokens(
      { hasKey: true, client: FIRST },
      async ({ current, tokens, changes, fallback }, client) => {
        tokens.refused((await current())!);
        await waitUntil("the question", () => client.fetches === 1);
        assert.equal(await current(), undefined);
        assert.equal(client.fetches, 1, "not again at once");
        client.know(SECOND);
        await waitUntil("the change", () => changes.at(-1)?.token === SECOND[0]);
        assert.deepEqual(await current(), authorization(SECOND));
        assert.equal(fallback.refusals, 0);
      },
    ),
  busPeer,
);

test("tokens of the bus: where there is no bus, the key is used", async () => {
  const fallback = keyTokens();
  const end = new AbortController();
  const logger = logRecorder();
  const tokens = new BusTokens({
    address: "unix:path=/nonexistent/bus",
    clock: systemClock,
    random: { next: () => 0.5, uuid: () => "" },
    logger,
    fallback,
    onToken: () => {},
  });
  const following = tokens.follow(end.signal);
  assert.deepEqual(await tokens.current(end.signal), authorization(KEY));
  tokens.refused(authorization(KEY));
  assert.equal(fallback.refusals, 1);
  end.abort();
  await following;
  assert.match(logger.all(), /Cannot reach the D-Bus/);
});
