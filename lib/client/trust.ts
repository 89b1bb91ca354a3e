import type { Config } from "../config/mod.ts";
import { ConfigError } from "../core/errors.ts";
import type { Logger } from "../core/logger.ts";
import { type FileDriver, readText } from "../runtime/file_driver.ts";
import type { HttpDriverOptions } from "../runtime/http_driver.ts";

/** The system's bundle holds some 150 certificates in 220 kB. */
const MAX_BUNDLE_BYTES = 8 << 20;

/**
 * What the HTTP client trusts, and how it proves itself: the system's certificates, those of
 * `ServerCertificate` in addition, and the client certificate of `HttpsClient`.
 *
 * A `ServerCertificate` that cannot be read is logged and left out, as the other clients do: the
 * connection then fails, or does not need it.
 *
 * @throws {ConfigError} `config.unreadable-client-certificate`.
 */
export function trustOf(
  config: Config,
  systemCaBundle: string,
  files: FileDriver,
  logger: Logger,
): HttpDriverOptions {
  const caCertificates: string[] = [];
  const addCertificates = (path: string, isOptional: boolean): void => {
    try {
      const text = readText(files, path, MAX_BUNDLE_BYTES, { follow: true });
      if (text !== undefined) caCertificates.push(text);
      else if (!isOptional) logger.log("warning", `There is no certificate file ${path}`);
    } catch (error) {
      logger.log("warning", `Cannot read the certificates of ${path}`, {}, error);
    }
  };
  addCertificates(systemCaBundle, true);
  if (config.caFile !== undefined) addCertificates(config.caFile, false);
  return {
    caCertificates,
    skipVerify: config.skipVerify,
    ...(config.clientCertificate && {
      clientCertificate: {
        certificate: readClientFile(files, config.clientCertificate.certificateFile),
        key: readClientFile(files, config.clientCertificate.keyFile),
      },
    }),
  };
}

function readClientFile(files: FileDriver, path: string): string {
  let cause: unknown;
  try {
    const text = readText(files, path, 1 << 20, { follow: true });
    if (text !== undefined) return text;
  } catch (error) {
    cause = error;
  }
  throw new ConfigError(
    "config.unreadable-client-certificate",
    `Cannot read ${path}, named under HttpsClient`,
    { cause, hint: "Check the path and its permissions" },
  );
}
