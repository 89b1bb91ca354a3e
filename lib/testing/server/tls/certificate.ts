import { Buffer } from "node:buffer";
import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { der } from "./der.ts";

/** What a certificate says. */
export interface CertificateSpec {
  /** Common name of the owner. */
  readonly subject: string;
  /** Common name of the signer; the same as `subject` for a root. */
  readonly issuer: string;
  /** Private key (P-256) of the owner; only its public half goes in. */
  readonly subjectKey: KeyObject;
  /** Private key (P-256) of the signer. */
  readonly issuerKey: KeyObject;
  /** Begin and end, milliseconds since 1970. */
  readonly validity: { readonly from: number; readonly to: number };
  /** DNS names and IP addresses of a server; empty makes the certificate a CA's. */
  readonly names: readonly string[];
  /**
   * What a certificate with names is for; a server when absent. `self-signed` is that of a server
   * which calls itself a CA as well, as `openssl req -x509` makes it.
   */
  readonly purpose?: "server" | "client" | "self-signed";
}

const ECDSA_WITH_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"));
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** Makes an X.509 v3 certificate, PEM (RFC 5280). */
export function makeCertificate(spec: CertificateSpec): string {
  const body = der.sequence(
    der.explicit(0, der.integer(Buffer.from([2]))),
    der.integer(randomBytes(16)),
    ECDSA_WITH_SHA256,
    commonName(spec.issuer),
    der.sequence(der.time(spec.validity.from), der.time(spec.validity.to)),
    commonName(spec.subject),
    publicKeyInfo(spec.subjectKey),
    der.explicit(3, der.sequence(...purposeParts(spec), ...keyIds(spec))),
  );
  const signature = sign("sha256", body, { key: spec.issuerKey, dsaEncoding: "der" });
  const whole = der.sequence(body, ECDSA_WITH_SHA256, der.bits(signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function purposeParts(spec: CertificateSpec): Buffer[] {
  if (spec.names.length === 0) return caParts();
  const names = extension("2.5.29.17", der.sequence(...spec.names.map(alternativeName)));
  return spec.purpose === "self-signed"
    ? [critical("2.5.29.19", der.sequence(der.isTrue())), names]
    : [...peerParts(spec.purpose === "client" ? CLIENT_AUTH : SERVER_AUTH), names];
}

function caParts(): Buffer[] {
  return [
    critical("2.5.29.19", der.sequence(der.isTrue())), // basic constraints: CA
    critical("2.5.29.15", der.bits(Buffer.from([0b0000_0110]), 1)), // certificates and CRLs
  ];
}

function peerParts(use: string): Buffer[] {
  return [
    critical("2.5.29.15", der.bits(Buffer.from([0b1000_0000]), 7)), // digital signature
    extension("2.5.29.37", der.sequence(der.oid(use))),
  ];
}

function keyIds(spec: CertificateSpec): Buffer[] {
  return [
    extension("2.5.29.14", der.octets(keyId(spec.subjectKey))),
    extension("2.5.29.35", der.sequence(der.implicit(0, keyId(spec.issuerKey)))),
  ];
}

function alternativeName(name: string): Buffer {
  return !isAddress(name)
    ? der.implicit(2, Buffer.from(name))
    : der.implicit(7, addressBytes(name));
}

function isAddress(name: string): boolean {
  return name.includes(":") || /^\d+(\.\d+){3}$/.test(name);
}

function addressBytes(address: string): Buffer {
  if (!address.includes(":")) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const [first, last] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<number>(8 - first.length - last.length).fill(0);
  return Buffer.from([...first, ...zeros, ...last].flatMap((group) => [group >> 8, group & 255]));
}

function commonName(name: string): Buffer {
  return der.sequence(der.set(der.sequence(der.oid("2.5.4.3"), der.text(name))));
}

function publicKeyInfo(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

function keyId(key: KeyObject): Buffer {
  return createHash("sha1").update(publicKeyInfo(key)).digest();
}

function extension(oid: string, value: Buffer): Buffer {
  return der.sequence(der.oid(oid), der.octets(value));
}

function critical(oid: string, value: Buffer): Buffer {
  return der.sequence(der.oid(oid), der.isTrue(), der.octets(value));
}
