import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type CertificateSpec, makeCertificate } from "../../lib/testing/server/tls/certificate.ts";

/** A certificate and its private key, PEM. */
export interface Credential {
  /** The certificate. */
  readonly certificate: string;
  /** Its private key. */
  readonly key: string;
}

/** What a certificate of {@link TestAuthority.issue} may say otherwise. */
export type IssueOptions = Partial<Pick<CertificateSpec, "names" | "validity" | "purpose">>;

/** One day in milliseconds. */
export const DAY_MS = 86_400_000;

/** Names under which tests reach their servers; `mender.example` only through a proxy. */
const NAMES = ["127.0.0.1", "localhost", "mender.example"];

/** An authority that signs what a test needs. */
export class TestAuthority {
  /** Its own certificate, PEM. */
  readonly certificate: string;
  readonly #key: KeyObject = newKey();
  readonly #name: string;

  /** Makes an authority that is valid from yesterday on. */
  constructor(name = "Test authority") {
    this.#name = name;
    this.certificate = makeCertificate({
      subject: name,
      issuer: name,
      subjectKey: this.#key,
      issuerKey: this.#key,
      validity: aroundNow(),
      names: [],
    });
  }

  /** Signs a certificate for a new key; valid for {@link NAMES} around now unless told otherwise. */
  issue(options: IssueOptions = {}): Credential {
    const key = newKey();
    const certificate = makeCertificate({
      subject: "test peer",
      issuer: this.#name,
      subjectKey: key,
      issuerKey: this.#key,
      validity: aroundNow(),
      names: NAMES,
      ...options,
    });
    return { certificate, key: keyText(key) };
  }
}

/** A server's certificate that is signed by itself; by default one that calls itself a CA. */
export function selfSigned(purpose: "server" | "self-signed" = "self-signed"): Credential {
  const key = newKey();
  const certificate = makeCertificate({
    subject: "self-signed server",
    issuer: "self-signed server",
    subjectKey: key,
    issuerKey: key,
    validity: aroundNow(),
    names: NAMES,
    purpose,
  });
  return { certificate, key: keyText(key) };
}

function aroundNow(): CertificateSpec["validity"] {
  return { from: Date.now() - DAY_MS, to: Date.now() + 365 * DAY_MS };
}

function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function keyText(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
