import { causeChain } from "../../core/errors.ts";

/** Stable reason for which two peers could not agree on a secure connection. */
export type TlsReason =
  | "unknown-authority"
  | "wrong-name"
  | "expired"
  | "not-yet-valid"
  | "authority-as-server"
  | "client-certificate"
  | "no-tls";

/** Why two peers could not agree on a secure connection, in words. */
export interface TlsExplanation {
  /** Stable reason. */
  readonly code: TlsReason;
  /** The second half of a message: "Cannot reach ...: <why>". */
  readonly why: string;
  /** What the user can do. */
  readonly hint: string;
}

/** A clock before this was never set: nothing of this project is older. */
const OLDEST_CLOCK_MS = Date.UTC(2024, 0, 1);

// What rustls (Deno), OpenSSL (Node) and Deno's imitation of it really say; a test makes each of them.
const REASONS: readonly [code: TlsReason, text: RegExp][] = [
  ["authority-as-server", /CaUsedAsEndEntity/],
  ["expired", /certificate (has )?expired/],
  ["not-yet-valid", /certificate not valid yet|certificate is not yet valid/],
  ["wrong-name", /certificate not valid for name|match certificate's altnames/],
  [
    "unknown-authority",
    /UnknownIssuer|unable to verify the first certificate|self-signed certificate|unable to get (local )?issuer certificate/,
  ],
  [
    "client-certificate",
    /fatal alert: (CertificateRequired|BadCertificate|CertificateUnknown|UnknownCA|HandshakeFailure)|alert (certificate required|bad certificate|certificate unknown|unknown ca|handshake failure)/i,
  ],
  ["no-tls", /InvalidContentType|wrong version number|packet length too long/],
];

/**
 * Tells a failure of TLS from all others, by the texts of an error and its causes.
 *
 * @param error What a runtime threw.
 * @returns `undefined` when it was not about TLS.
 */
export function tlsReason(error: unknown): TlsReason | undefined {
  const text = causeChain(error).join("\n");
  return REASONS.find(([, pattern]) => pattern.test(text))?.[0];
}

/**
 * Says why a secure connection did not come about, in terms of what the user can change.
 *
 * @param error What a runtime threw; its causes are read too.
 * @param nowMs Wall-clock time, milliseconds since 1970: a clock that was never set makes every
 * certificate invalid, and is then named before all else.
 * @returns `undefined` when it was not about TLS.
 */
export function explainTlsFailure(error: unknown, nowMs: number): TlsExplanation | undefined {
  const code = tlsReason(error);
  if (code === undefined) return undefined;
  const today = new Date(nowMs).toISOString().slice(0, 16).replace("T", " ");
  const { why, hint } = explanation(code, today);
  const isClock = nowMs < OLDEST_CLOCK_MS && code !== "no-tls" && code !== "wrong-name";
  return isClock
    ? {
      code,
      why: `${why}; the clock of this device was never set (${today})`,
      hint: "Set the clock of the device: without the time no certificate can be checked",
    }
    : { code, why, hint };
}

function explanation(code: TlsReason, today: string): { why: string; hint: string } {
  switch (code) {
    case "expired":
      return {
        why: `the server's certificate has expired by the clock of this device (${today})`,
        hint: "Check the clock of the device; if it is right, the server needs a new certificate",
      };
    case "not-yet-valid":
      return {
        why: `the server's certificate is not valid yet by the clock of this device (${today})`,
        hint: "Set the clock of the device",
      };
    case "wrong-name":
      return {
        why: "the server's certificate is for another name",
        hint: "Write ServerURL with a name that is in the server's certificate",
      };
    case "unknown-authority":
      return {
        why: "the server's certificate is not signed by an authority that is trusted here",
        hint: "Name the PEM file of the authority in ServerCertificate",
      };
    case "authority-as-server":
      return {
        why: "the server's certificate says that it is an authority, and is not trusted itself",
        hint: "Name this very certificate in ServerCertificate, or give the server one that an " +
          "authority has signed",
      };
    case "client-certificate":
      return {
        why: "the server refused the client certificate, or wants one",
        hint: "Check HttpsClient.Certificate and HttpsClient.Key",
      };
    case "no-tls":
      return {
        why: "the server does not speak TLS there",
        hint: "Check scheme and port of ServerURL",
      };
  }
}
