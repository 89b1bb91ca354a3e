import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { makeCertificate } from "../../../lib/testing/server/tls/certificate.ts";
import { der } from "../../../lib/testing/server/tls/der.ts";
import { test } from "../../support/test.ts";

const newKey = () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

test("makeCertificate() makes a CA and a server certificate that it signed", () => {
  const [caKey, serverKey] = [newKey(), newKey()];
  const validity = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2060, 0, 1) };
  const root = new X509Certificate(makeCertificate({
    subject: "root",
    issuer: "root",
    subjectKey: caKey,
    issuerKey: caKey,
    validity,
    names: [],
  }));
  const server = new X509Certificate(makeCertificate({
    subject: "server",
    issuer: "root",
    subjectKey: serverKey,
    issuerKey: caKey,
    validity,
    names: ["localhost", "10.1.2.3", "::1", "fe80::2:30"],
  }));
  assert.equal(root.ca, true);
  assert.equal(server.ca, false);
  assert.equal(server.subject, "CN=server");
  assert.equal(server.issuer, "CN=root");
  assert.equal(Date.parse(server.validTo), validity.to);
  assert.equal(server.verify(root.publicKey), true);
  assert.equal(root.verify(server.publicKey), false);
  assert.equal(server.checkHost("localhost"), "localhost");
  assert.equal(server.checkHost("other"), undefined);
  // The runtimes write IPv6 addresses differently: shortened or not.
  for (const address of ["10.1.2.3", "::1", "fe80::2:30"]) {
    assert.equal(server.checkIP(address), address);
  }
  assert.equal(server.checkIP("10.1.2.4"), undefined);
});

const ENCODINGS: [string, Uint8Array, string][] = [
  ["a small integer", der.integer(new Uint8Array([0, 0, 5])), "020105"],
  ["an integer with its highest bit set", der.integer(new Uint8Array([0x80])), "02020080"],
  ["zero", der.integer(new Uint8Array([0])), "020100"],
  ["an object identifier", der.oid("1.2.840.10045.4.3.2"), "06082a8648ce3d040302"],
  [
    "a time before 2050",
    der.time(Date.UTC(2026, 10, 22, 4, 5, 6)),
    "170d3236313132323034303530365a",
  ],
  [
    "a time from 2050 on",
    der.time(Date.UTC(2050, 0, 1)),
    "180f32303530303130313030303030305a",
  ],
  ["a long length", der.octets(new Uint8Array(300)).subarray(0, 4), "0482012c"],
];

test("der encodes as X.690 says", () => {
  for (const [name, bytes, hex] of ENCODINGS) {
    assert.equal([...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(""), hex, name);
  }
});
