import type { Config } from "../config/mod.ts";
import type { Logger } from "../core/logger.ts";
import type { Drivers } from "../runtime/drivers.ts";
import { readText } from "../runtime/files/file_driver.ts";
import type { HttpDriverOptions } from "../runtime/http/http_driver.ts";
import { proxyFromEnvironment } from "../runtime/http/proxy_settings.ts";
import { readRequired } from "./required_file.ts";

/** The system's bundle holds some 150 certificates in 220 kB. */
const MAX_BUNDLE_BYTES = 8 << 20;

/**
 * How the HTTP client gets to a server, what it trusts, and how it proves itself: the proxies of the
 * environment; the system's certificates (`SSL_CERT_FILE`, else `systemCaBundle`), those of
 * `ServerCertificate` in addition; and the client certificate of `HttpsClient`.
 *
 * A `ServerCertificate` that cannot be read is logged and left out, as the other clients do: the
 * connection then fails, or does not need it. So is an `SSL_CERT_FILE`, and `systemCaBundle` takes its
 * place.
 *
 * @throws {ConfigError} `config.unreadable`: a file of `HttpsClient`; `config.bad-proxy`.
 */
export function trustOf(
  config: Config,
  systemCaBundle: string,
  { files, self }: Pick<Drivers, "files" | "self">,
  logger: Logger,
): HttpDriverOptions {
  const caCertificates: string[] = [];
  const addCertificates = (path: string, isOptional: boolean): boolean => {
    try {
      const text = readText(files, path, MAX_BUNDLE_BYTES, { follow: true });
      if (text !== undefined) caCertificates.push(text);
      else if (!isOptional) logger.log("warning", `There is no certificate file ${path}`);
      return text !== undefined;
    } catch (error) {
      logger.log("warning", `Cannot read the certificates of ${path}`, {}, error);
      return false;
    }
  };
  const named = self.env("SSL_CERT_FILE") ?? "";
  if (named === "" || !addCertificates(named, false)) addCertificates(systemCaBundle, true);
  if (config.caFile !== undefined) addCertificates(config.caFile, false);
  const [what, key] = ["use the client certificate", "HttpsClient"];
  return {
    caCertificates,
    skipVerify: config.skipVerify,
    proxy: proxyFromEnvironment((name) => self.env(name)),
    ...(config.clientCertificate && {
      clientCertificate: {
        certificate: readRequired(files, config.clientCertificate.certificateFile, what, key),
        key: readRequired(files, config.clientCertificate.keyFile, what, key),
      },
    }),
  };
}
