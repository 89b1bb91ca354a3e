import type { Config } from "../config/mod.ts";
import type { Logger } from "../core/logger.ts";
import { type FileDriver, readText } from "../runtime/files/file_driver.ts";
import type { HttpDriverOptions } from "../runtime/http/http_driver.ts";
import { readRequired } from "./required_file.ts";

/** The system's bundle holds some 150 certificates in 220 kB. */
const MAX_BUNDLE_BYTES = 8 << 20;

/**
 * What the HTTP client trusts, and how it proves itself: the system's certificates, those of
 * `ServerCertificate` in addition, and the client certificate of `HttpsClient`.
 *
 * A `ServerCertificate` that cannot be read is logged and left out, as the other clients do: the
 * connection then fails, or does not need it.
 *
 * @throws {ConfigError} `config.unreadable`: a file of `HttpsClient`.
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
  const [what, key] = ["use the client certificate", "HttpsClient"];
  return {
    caCertificates,
    skipVerify: config.skipVerify,
    ...(config.clientCertificate && {
      clientCertificate: {
        certificate: readRequired(files, config.clientCertificate.certificateFile, what, key),
        key: readRequired(files, config.clientCertificate.keyFile, what, key),
      },
    }),
  };
}
