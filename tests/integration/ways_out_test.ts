import assert from "node:assert/strict";
import process from "node:process";
import { causeChain, isMenderError } from "../../lib/core/errors.ts";
import type {
  HttpDriver,
  HttpDriverOptions,
  HttpRequest,
} from "../../lib/runtime/http/http_driver.ts";
import type { HttpExchange } from "../../lib/runtime/http/http_exchange.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import { readBody } from "../../lib/runtime/http/body_reader.ts";
import { type Credential, selfSigned, TestAuthority } from "../support/certificates.ts";
import { collectGarbage } from "../support/collect_garbage.ts";
import { withProxy } from "../support/connect_proxy.ts";
import { test as register } from "../support/test.ts";
import { type TlsPeer, withTlsPeer } from "../support/tls_peer.ts";
import { withRig } from "../support/client_rig.ts";
import { withServer } from "../support/with_server.ts";

const drivers = await hostDrivers();

/** Every test may be the one behind which undici's common timer runs out. */
const test = (name: string, body: () => Promise<void>): void =>
  register(name, body, { leaks: "undici keeps one timer for all its limits, and lets it run out" });

const authority = new TestAuthority();
const signed = authority.issue();
const ownAuthority = selfSigned();
const clientCertificate = authority.issue({ names: ["device"], purpose: "client" });
const trusted: HttpDriverOptions = { caCertificates: [authority.certificate] };
/** Bytes that come before a cut or a stall. */
const STALL_BYTES = 300_000;
const PASSWORD = "s3cr%t@word";
const LOGIN = `device:${PASSWORD}`;

/** All ways in which an HTTPS server is trusted, and so all the code that speaks TLS. */
const ways: [name: string, server: Credential, client: HttpDriverOptions][] = [
  ["an authority", signed, trusted],
  ["its own certificate that calls itself an authority's", ownAuthority, {
    caCertificates: [authority.certificate, ownAuthority.certificate],
  }],
  ["no check at all", selfSigned("server"), { skipVerify: true }],
];

const patience = (): AbortSignal => AbortSignal.timeout(15_000);
const get = (url: string, signal = patience()): HttpRequest => ({ method: "GET", url, signal });

async function withClient(
  options: HttpDriverOptions,
  body: (http: HttpDriver) => Promise<void>,
): Promise<void> {
  const http = await drivers.http({ silenceLimitMs: 1000, ...options });
  // A body that nobody ends keeps no process alive by itself; this timer does.
  const alive = setInterval(() => {}, 1000);
  try {
    await body(http);
  } finally {
    clearInterval(alive);
    http.close();
  }
}

async function textOf(http: HttpDriver, request: HttpRequest): Promise<string> {
  const response = await http.send(request);
  assert.equal(response.status, 200);
  return await new Response(response.body).text();
}

/** An address with a name that only a proxy knows. */
const behind = (peer: TlsPeer): string => peer.url.replace("127.0.0.1", "mender.example");

const proxyAt = (host: string, login = `device:${encodeURIComponent(PASSWORD)}@`) => {
  const address = `http://${login}${host}/`;
  return { http: address, https: address };
};

for (const [name, server, client] of ways) {
  test(`HttpDriver talks to a server trusted by ${name}, again and again`, async () => {
    await withTlsPeer({ server }, (peer) =>
      withClient(client, async (http) => {
        for (let round = 0; round < 3; round++) {
          const body = new TextEncoder().encode(`round ${round}`);
          const request: HttpRequest = { ...get(`${peer.url}/echo?a=1`), method: "POST", body };
          assert.equal(await textOf(http, request), `round ${round}`);
        }
        assert.deepEqual(peer.asked, Array(3).fill("POST /echo?a=1"));
      }));
  });

  test(`HttpDriver notices a cut in mid-body of a server trusted by ${name}`, async () => {
    await withTlsPeer(
      { server, answer: cutInMidBody },
      (peer) =>
        withClient(client, async (http) => {
          for (let round = 0; round < 4; round++) {
            const signal = patience();
            const response = await http.send(get(peer.url, signal));
            await assert.rejects(new Response(response.body).arrayBuffer());
            assert.equal(signal.aborted, false, "only the deadline ended the wait");
          }
        }),
    );
  });

  test(`HttpDriver stops at an abort in mid-body of a server trusted by ${name}`, async () => {
    for (const answer of [cutInMidBody, stallInMidBody]) {
      await withTlsPeer(
        { server, answer },
        (peer) =>
          withClient({ ...client, silenceLimitMs: 60_000 }, async (http) => {
            const controller = new AbortController();
            const response = await http.send(get(peer.url, controller.signal));
            const reading = new Response(response.body).arrayBuffer();
            controller.abort(new Error("enough"));
            await assert.rejects(reading);
          }),
      );
    }
  });

  test(`HttpDriver stops at an abort after a collection of garbage, with a server trusted by ${name}`, async () => {
    await withTlsPeer(
      { server, answer: stallInMidBody },
      (peer) =>
        withClient({ ...client, silenceLimitMs: 60_000 }, async (http) => {
          const controller = new AbortController();
          const reader = readBody((await http.send(get(peer.url, controller.signal))).body);
          for (let bytes = 0; bytes < STALL_BYTES;) bytes += (await reader.read())?.length ?? 0;
          const reading = reader.read();
          await collectGarbage();
          controller.abort(new Error("enough"));
          await assert.rejects(reading);
        }),
    );
  });

  for (const [kind, login, words] of [["an open", undefined, ""], ["a closed", LOGIN, undefined]]) {
    test(`HttpDriver reaches a server trusted by ${name} through ${kind} proxy`, async () => {
      await withTlsPeer(
        { server },
        (peer) =>
          withProxy(
            { ...(login !== undefined && { login }) },
            (proxy) =>
              withClient({ ...client, proxy: proxyAt(proxy.host, words) }, async (http) => {
                assert.equal(await textOf(http, get(behind(peer))), "hello");
                assert.ok(proxy.asked.length > 0);
                const tunnel = `CONNECT ${new URL(behind(peer)).host}`;
                assert.ok(
                  proxy.asked.every((line) => line === tunnel),
                  proxy.asked.join(),
                );
                // The password is for the proxy alone.
                assert.equal(peer.headers.at(-1)?.get("proxy-authorization"), undefined);
              }),
          ),
      );
    });

    test(`HttpDriver notices a cut behind ${kind} proxy of a server trusted by ${name}`, async () => {
      await withTlsPeer(
        { server, answer: cutInMidBody },
        (peer) =>
          withProxy(
            { ...(login !== undefined && { login }) },
            (proxy) =>
              withClient({ ...client, proxy: proxyAt(proxy.host, words) }, async (http) => {
                const signal = patience();
                const response = await http.send(get(behind(peer), signal));
                await assert.rejects(new Response(response.body).arrayBuffer());
                assert.equal(signal.aborted, false, "only the deadline ended the wait");
              }),
          ),
      );
    });
  }

  test(`HttpDriver proves itself by certificate to a server trusted by ${name}`, async () => {
    await withTlsPeer({ server, clientAuthority: authority.certificate }, async (peer) => {
      await withClient({ ...client, clientCertificate }, async (http) => {
        assert.equal(await textOf(http, get(peer.url)), "hello");
      });
      await withClient(client, async (http) => {
        const signal = patience();
        await assert.rejects(textOf(http, get(peer.url, signal)));
        assert.equal(signal.aborted, false);
      });
      assert.equal(peer.asked.length, 1);
      await withProxy(
        { login: LOGIN },
        (proxy) =>
          withClient({ ...client, clientCertificate, proxy: proxyAt(proxy.host) }, async (http) => {
            assert.equal(await textOf(http, get(behind(peer))), "hello");
          }),
      );
    });
  });
}

register(
  "HttpDriver ends a silence by itself where the runtime could miss the end of a connection",
  () =>
    withTlsPeer(
      { server: signed, answer: stallInMidBody },
      (peer) =>
        withClient({ skipVerify: true }, async (http) => {
          const response = await http.send(get(peer.url));
          await assert.rejects(
            new Response(response.body).arrayBuffer(),
            (error) => isMenderError(error, "runtime.stalled") && /for 1 s$/.test(error.message),
          );
        }),
    ),
  {
    skip: "Deno" in globalThis ? undefined : "Node misses none, and leaves it to the callers",
    leaks: "undici keeps one timer for all its limits, and lets it run out",
  },
);

test("HttpDriver refuses another certificate under the name of one that signed itself", async () => {
  const client: HttpDriverOptions = { caCertificates: [ownAuthority.certificate] };
  await withTlsPeer({ server: selfSigned() }, (peer) =>
    withClient(client, async (http) => {
      await assert.rejects(http.send(get(peer.url)));
      assert.deepEqual(peer.asked, []);
    }));
  await withTlsPeer(
    { server: ownAuthority, host: "0.0.0.0" },
    (peer) =>
      withClient(client, async (http) => {
        await assert.rejects(http.send(get(peer.url.replace("127.0.0.1", "127.0.0.2"))));
        assert.deepEqual(peer.asked, []);
      }),
  );
});

test("HttpDriver gives plain requests to a proxy with their whole address", async () => {
  await withTlsPeer(
    {},
    (peer) =>
      withProxy(
        { login: LOGIN },
        (proxy) =>
          withClient({ proxy: proxyAt(proxy.host) }, async (http) => {
            const body = new TextEncoder().encode("inventory");
            const url = `${behind(peer)}/echo?a=b%20c`;
            assert.equal(await textOf(http, { ...get(url), method: "PUT", body }), "inventory");
            assert.deepEqual(proxy.asked, [`PUT ${url}`]);
            assert.deepEqual(peer.asked, ["PUT /echo?a=b%20c"]);
            assert.equal(peer.headers[0]?.get("host"), new URL(url).host);
          }),
      ),
  );
});

test("HttpDriver never asks a proxy for this machine, nor for a host of NO_PROXY", async () => {
  await withTlsPeer({ server: signed }, (peer) =>
    withProxy({}, async (proxy) => {
      await withClient({ ...trusted, proxy: proxyAt(proxy.host) }, async (http) => {
        assert.equal(await textOf(http, get(peer.url)), "hello");
        assert.equal(await textOf(http, get(peer.url.replace("127.0.0.1", "localhost"))), "hello");
      });
      const none = ["other", "mender.example"];
      await withClient({ ...trusted, proxy: { ...proxyAt(proxy.host), none } }, async (http) => {
        await assert.rejects(http.send(get(behind(peer)))); // there is no such name without a proxy
      });
      assert.deepEqual(proxy.asked, []);
    }));
});

test("HttpDriver takes its proxy from its options, whatever the environment says", async () => {
  const variables = { HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "mender.example" };
  await withTlsPeer({ server: signed }, (peer) =>
    withProxy({}, async (proxy) => {
      await withEnvironment(variables, async () => {
        await withClient(trusted, async (http) => {
          assert.equal(await textOf(http, get(peer.url)), "hello");
        });
        await withClient({ ...trusted, proxy: proxyAt(proxy.host, "") }, async (http) => {
          assert.equal(await textOf(http, get(behind(peer))), "hello");
        });
        assert.equal(process.env["HTTPS_PROXY"], variables.HTTPS_PROXY);
      });
      assert.equal(proxy.asked.length, 1);
    }));
});

for (const tls of [false, true]) {
  test(`daemon goes through the proxy of its environment, ${tls ? "by tunnel" : "as plain http"}`, async () => {
    await withServer(
      { autoAccept: true, tls, host: "127.0.0.1" },
      (server) =>
        withProxy({ login: LOGIN }, async (proxy) => {
          // The certificate of the embedded server has no other name, so none is checked here.
          const config = { SkipVerify: tls };
          const net = [`http://${proxy.host}`];
          const serverUrl = server.url.replace(/127\.0\.0\.1|localhost/, "mender.example");
          await withRig({ serverUrl, config, net }, async (rig) => {
            const { http: address = "" } = proxyAt(proxy.host);
            await withEnvironment({ HTTP_PROXY: address, HTTPS_PROXY: address }, async () => {
              const ended = await rig.run("daemon", "--once");
              assert.equal(ended.code, 0, ended.stderr);
            });
            assert.ok((server.devices()[0]?.inventory.length ?? 0) > 0);
            // Deno itself may ask for its newest version.
            const asked = proxy.asked.filter((line) => !line.includes("deno"));
            assert.match(asked[0] ?? "", tls ? /^CONNECT mender/ : /^POST http:..mender/);

            const wrong = proxyAt(proxy.host, "device:wr0ng-word@").http;
            await withEnvironment({ HTTP_PROXY: wrong, HTTPS_PROXY: wrong }, async () => {
              const ended = await rig.run("-l", "trace", "daemon", "--once");
              assert.equal(ended.code, 1, ended.stderr);
              assert.match(ended.stderr, /proxy wants a user and a password.*407/);
              assert.doesNotMatch(ended.stdout + ended.stderr, /wr0ng-word/);
              assert.ok(!(ended.stdout + ended.stderr).includes(btoa("device:wr0ng-word")));
            });
          });
        }),
    );
  });
}

const refusals: [name: string, proxy: { login?: string; status?: number }, text: RegExp][] = [
  ["wants another password", { login: "device:another" }, /proxy wants a user and a password.*407/],
  ["forbids the address", { status: 403 }, /the proxy (answered 403|does not let it through)/],
  ["has no way there", { status: 502 }, /the proxy (answered 502|does not let it through)/],
];
for (const [name, options, text] of refusals) {
  for (const [way, server, client] of ways) {
    test(`HttpDriver says so when the proxy ${name}, to a server trusted by ${way}`, async () => {
      await withTlsPeer({ server }, (peer) =>
        withProxy(options, async (proxy) => {
          for (const login of ["", undefined]) {
            const proxied = { ...client, proxy: proxyAt(proxy.host, login) };
            await withClient(proxied, async (http) => {
              await assertProxyFailure(http.send(get(behind(peer))), "runtime.proxy-refused", text);
            });
          }
        }));
    });
  }
}

test("HttpDriver says so when the proxy wants another password for a plain request", async () => {
  for (const client of [{}, { skipVerify: true }]) {
    await withProxy(
      { login: "device:another" },
      (proxy) =>
        withClient({ ...client, proxy: proxyAt(proxy.host) }, async (http) => {
          const sending = http.send(get("http://mender.example/"));
          await assertProxyFailure(sending, "runtime.proxy-refused", /proxy wants a user.*407/);
        }),
    );
  }
});

test("HttpDriver says so when the proxy cannot be reached", async () => {
  let gone = "";
  await withProxy({}, (proxy) => Promise.resolve(void (gone = proxy.host)));
  for (const host of [gone, "nowhere.invalid:3128"]) {
    for (const [client, login] of [[{}, ""], [{}], [{ skipVerify: true }]] as const) {
      await withClient({ ...client, proxy: proxyAt(host, login) }, async (http) => {
        for (const url of ["http://mender.example/", "https://mender.example/"]) {
          const sending = http.send(get(url));
          await assertProxyFailure(sending, "runtime.proxy-unreachable", /proxy cannot be reached/);
        }
      });
    }
  }
});

/** Runs a body with environment variables, which programs that it starts inherit. */
async function withEnvironment(
  variables: Readonly<Record<string, string>>,
  body: () => Promise<void>,
): Promise<void> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

async function assertProxyFailure(
  sending: Promise<unknown>,
  code: string,
  text: RegExp,
): Promise<void> {
  await assert.rejects(sending, (error) => {
    assert.ok(isMenderError(error, code), String(error));
    assert.match(error.message, text);
    assert.match(error.hint ?? "", /HTTPS_PROXY/);
    const everything = [...causeChain(error), error.hint].join("\n");
    for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), btoa(LOGIN)]) {
      assert.ok(!everything.includes(secret), everything);
    }
    return true;
  });
}

async function cutInMidBody(exchange: HttpExchange): Promise<void> {
  exchange.start(200, { "content-length": "1000000" });
  await exchange.write(new Uint8Array(STALL_BYTES));
  exchange.cut();
}

async function stallInMidBody(exchange: HttpExchange): Promise<void> {
  exchange.start(200, { "content-length": "1000000" });
  await exchange.write(new Uint8Array(STALL_BYTES));
}
