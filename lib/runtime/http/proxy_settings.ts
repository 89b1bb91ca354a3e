import { ConfigError } from "../../core/errors.ts";

/** Which proxies to use. Addresses may hold a user and a password: never log them. */
export interface ProxySettings {
  /** Proxy for `http:` addresses: an absolute `http:` or `https:` URL. */
  readonly http?: string;
  /** Proxy for `https:` addresses: an absolute `http:` or `https:` URL. */
  readonly https?: string;
  /** Hosts that are reached directly, as in `NO_PROXY`. */
  readonly none?: readonly string[];
}

/** A proxy to be used for one address. */
export interface Proxy {
  /** Scheme, host and port, without user and password. */
  readonly origin: string;
  /** What the proxy wants to know of us; both decoded. */
  readonly login?: { readonly user: string; readonly password: string };
}

/** Environment variables that settle which proxy is used; of two spellings the first counts. */
export const PROXY_VARIABLES: readonly string[] = [
  "HTTP_PROXY",
  "http_proxy",
  "HTTPS_PROXY",
  "https_proxy",
  "ALL_PROXY",
  "all_proxy",
  "NO_PROXY",
  "no_proxy",
];

/**
 * The proxies that the environment names, by the usual rules: upper case before lower case, an empty
 * variable is none, `ALL_PROXY` stands in for the two others, an address without a scheme is `http:`.
 *
 * @param env Reads an environment variable.
 * @returns `undefined` when no proxy is named.
 * @throws {ConfigError} `config.bad-proxy`: an address that is none of a http or https proxy.
 * @see configuration contract section 3
 */
export function proxyFromEnvironment(
  env: (name: string) => string | undefined,
): ProxySettings | undefined {
  const read = (name: string): [name: string, text: string] | undefined => {
    for (const spelling of [name, name.toLowerCase()]) {
      const text = env(spelling)?.trim() ?? "";
      if (text !== "") return [spelling, text];
    }
    return undefined;
  };
  const all = read("ALL_PROXY");
  const http = read("HTTP_PROXY") ?? all;
  const https = read("HTTPS_PROXY") ?? all;
  if (http === undefined && https === undefined) return undefined;
  const none = read("NO_PROXY")?.[1].split(/[\s,]+/).filter((entry) => entry !== "");
  return {
    ...(http && { http: proxyAddress(...http) }),
    ...(https && { https: proxyAddress(...https) }),
    ...(none && { none }),
  };
}

/** The text is not repeated: there may be a password in it. */
function proxyAddress(name: string, text: string): string {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isUsable = url !== undefined && (url.protocol === "http:" || url.protocol === "https:");
  if (isUsable && isDecodable(url.username + url.password)) return url.href;
  throw new ConfigError(
    "config.bad-proxy",
    `Cannot use the proxy of the environment: wanted an http or https address in ${name}`,
    { hint: `Write ${name}=http://host:port or http://user:password@host:port`, retry: "never" },
  );
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false; // a "%" that stands for itself
  }
}

/** The passwords of proxies as written and decoded, to be kept out of logs. */
export function proxySecrets(settings: ProxySettings | undefined): string[] {
  const passwords = [settings?.http, settings?.https]
    .map((address) => address === undefined ? "" : new URL(address).password)
    .filter((password) => password !== "");
  return [...new Set(passwords.flatMap((password) => [password, decodeURIComponent(password)]))];
}
