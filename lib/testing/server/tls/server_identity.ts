import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from "node:crypto";
import { join } from "node:path";
import { writeFileAtomic } from "../../../runtime/files/atomic_file.ts";
import type { Drivers } from "../../../runtime/drivers.ts";
import { readText } from "../../../runtime/files/file_driver.ts";
import { makeCertificate } from "./certificate.ts";

/** What a server needs for HTTPS, and its clients to trust it. */
export interface ServerIdentity {
  /** Certificate of the authority that clients shall trust, PEM. */
  readonly caCertificate: string;
  /** Certificate of the server, PEM. */
  readonly certificate: string;
  /** Private key of the server, PEM. */
  readonly key: string;
}

const DAY_MS = 86_400_000;
const CA_NAME = "mender-deno development CA";
const LOOPBACK_NAMES = ["localhost", "127.0.0.1", "::1"];

/**
 * Makes the certificate of a server for loopback and `host`, signed by an authority of its own.
 *
 * With a directory the authority stays the same over restarts (`ca.pem`, `ca-key.pem`, mode 0600), so
 * that clients need to be told once; the server's own key lives in memory only.
 */
export function makeServerIdentity(
  drivers: Drivers,
  directory: string | undefined,
  host: string,
): ServerIdentity {
  const now = drivers.clock.now();
  const ca = readAuthority(drivers, directory, now) ?? makeAuthority(drivers, directory, now);
  const serverKey = newKey();
  const certificate = makeCertificate({
    subject: "localhost",
    issuer: CA_NAME,
    subjectKey: serverKey,
    issuerKey: ca.key,
    validity: { from: now - DAY_MS, to: now + 365 * DAY_MS },
    names: [...new Set([...LOOPBACK_NAMES, host])],
  });
  return { caCertificate: ca.certificate, certificate, key: keyText(serverKey) };
}

interface Authority {
  readonly certificate: string;
  readonly key: KeyObject;
}

function readAuthority(
  drivers: Drivers,
  directory: string | undefined,
  now: number,
): Authority | undefined {
  if (directory === undefined) return undefined;
  const certificate = readText(drivers.files, join(directory, "ca.pem"));
  const key = readText(drivers.files, join(directory, "ca-key.pem"));
  if (certificate === undefined || key === undefined) return undefined;
  const end = Date.parse(new X509Certificate(certificate).validTo);
  return end < now + 366 * DAY_MS ? undefined : { certificate, key: createPrivateKey(key) };
}

function makeAuthority(drivers: Drivers, directory: string | undefined, now: number): Authority {
  const key = newKey();
  const certificate = makeCertificate({
    subject: CA_NAME,
    issuer: CA_NAME,
    subjectKey: key,
    issuerKey: key,
    validity: { from: now - DAY_MS, to: now + 3650 * DAY_MS },
    names: [],
  });
  if (directory !== undefined) {
    writeFileAtomic(drivers.files, join(directory, "ca-key.pem"), keyText(key));
    writeFileAtomic(drivers.files, join(directory, "ca.pem"), certificate, 0o644);
  }
  return { certificate, key };
}

function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function keyText(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
