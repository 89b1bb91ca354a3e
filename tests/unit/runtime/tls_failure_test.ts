import assert from "node:assert/strict";
import type { HttpDriverOptions } from "../../../lib/runtime/http/http_driver.ts";
import { listenHttp } from "../../../lib/runtime/http/http_server.ts";
import { explainTlsFailure, type TlsReason } from "../../../lib/runtime/http/tls_failure.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { type Credential, DAY_MS, selfSigned, TestAuthority } from "../../support/certificates.ts";
import { test } from "../../support/test.ts";

const NOW = Date.UTC(2026, 4, 1, 12);
const failed = (text: string): Error => new TypeError("fetch failed", { cause: new Error(text) });

// As Deno 2.9, Deno's node:tls, and Node 20 with undici 7 say it.
const texts: [text: string, code: TlsReason | undefined][] = [
  ["client error (Connect): invalid peer certificate: UnknownIssuer", "unknown-authority"],
  ["unable to verify the first certificate", "unknown-authority"],
  ["self-signed certificate", "unknown-authority"],
  ["self-signed certificate in certificate chain", "unknown-authority"],
  ["unable to get local issuer certificate", "unknown-authority"],
  [
    "invalid peer certificate: certificate expired: verification time 1795326823 (UNIX), but certificate is not valid after 1795240419 (86404 seconds ago)",
    "expired",
  ],
  ["certificate has expired", "expired"],
  [
    "invalid peer certificate: certificate not valid yet: verification time 1795326823 (UNIX), but certificate is not valid before 1795413219",
    "not-yet-valid",
  ],
  ["certificate is not yet valid", "not-yet-valid"],
  [
    'invalid peer certificate: certificate not valid for name "a.example"; certificate is only valid for DnsName("b.example")',
    "wrong-name",
  ],
  [
    "Hostname/IP does not match certificate's altnames: IP: 127.0.0.1 is not in the cert's list:",
    "wrong-name",
  ],
  ["invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "authority-as-server"],
  ["received fatal alert: CertificateRequired", "client-certificate"],
  ["tlsv13 alert certificate required", "client-certificate"],
  ["received corrupt message of type InvalidContentType", "no-tls"],
  ["ssl3_get_record:wrong version number", "no-tls"],
  ["tcp connect error: Connection refused (os error 111)", undefined],
  ["connect ECONNREFUSED 127.0.0.1:443", undefined],
  ["dns error: failed to lookup address information", undefined],
  ["other side closed", undefined],
];
for (const [text, code] of texts) {
  test(`explainTlsFailure() takes "${text}" for ${code ?? "no failure of TLS"}`, () => {
    assert.equal(explainTlsFailure(failed(text), NOW)?.code, code);
  });
}

test("explainTlsFailure() names the clock when a certificate is not valid at this time", () => {
  for (const text of ["certificate has expired", "certificate is not yet valid"]) {
    const told = explainTlsFailure(failed(text), NOW);
    assert.match(told?.why ?? "", /clock of this device \(2026-05-01 12:00\)/);
    assert.match(told?.hint ?? "", /clock/);
  }
  const told = explainTlsFailure(failed("UnknownIssuer"), NOW);
  assert.doesNotMatch(`${told?.why} ${told?.hint}`, /clock/);
  assert.match(told?.hint ?? "", /ServerCertificate/);
});

test("explainTlsFailure() blames a clock before 2024 whatever the certificate seems to lack", () => {
  for (const text of ["UnknownIssuer", "certificate is not yet valid", "CaUsedAsEndEntity"]) {
    const told = explainTlsFailure(failed(text), 60_000);
    assert.match(told?.why ?? "", /clock of this device was never set \(1970-01-01 00:01\)/);
    assert.match(told?.hint ?? "", /^Set the clock/);
  }
  const told = explainTlsFailure(failed("InvalidContentType"), 60_000);
  assert.doesNotMatch(`${told?.why} ${told?.hint}`, /clock/);
});

const drivers = await hostDrivers();
const authority = new TestAuthority();
const now = drivers.clock.now();
const trusted: HttpDriverOptions = { caCertificates: [authority.certificate] };
const past = { from: now - 9 * DAY_MS, to: now - DAY_MS };
const future = { from: now + DAY_MS, to: now + 9 * DAY_MS };

/** What this runtime really says. */
const servers: [
  name: string,
  server: Credential | undefined,
  client: HttpDriverOptions,
  codes: TlsReason[],
][] = [
  ["an authority that it does not know", authority.issue(), {}, ["unknown-authority"]],
  ["a certificate of its own", selfSigned("server"), trusted, ["unknown-authority"]],
  ["an authority's certificate of its own", selfSigned(), trusted, [
    "authority-as-server",
    "unknown-authority",
  ]],
  ["a certificate that has expired", authority.issue({ validity: past }), trusted, ["expired"]],
  ["a certificate of tomorrow", authority.issue({ validity: future }), trusted, ["not-yet-valid"]],
  ["a certificate for another name", authority.issue({ names: ["other.example"] }), trusted, [
    "wrong-name",
  ]],
  ["plain HTTP", undefined, trusted, ["no-tls"]],
];
for (const [name, server, client, codes] of servers) {
  test(`explainTlsFailure() knows what this runtime says of a server with ${name}`, async () => {
    const error = await failureOf(server, client);
    const told = explainTlsFailure(error, now);
    assert.ok(told !== undefined && codes.includes(told.code), `${told?.code}: ${told?.why}`);
  }, { leaks: "undici's own timer runs out later" });
}

async function failureOf(
  tls: Credential | undefined,
  options: HttpDriverOptions,
): Promise<unknown> {
  const server = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    tls,
    onExchange: (exchange) => exchange.reply(200),
    onError: () => {},
  });
  const client = await drivers.http(options);
  try {
    const url = `https://127.0.0.1:${server.port}/`;
    const response = await client.send({ method: "GET", url, signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    throw new assert.AssertionError({ message: "the server was trusted" });
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return error;
  } finally {
    client.close();
    await server.close();
  }
}
