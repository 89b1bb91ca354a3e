import { BlockList, isIP } from "node:net";
import type { Proxy, ProxySettings } from "./proxy_settings.ts";

/**
 * The proxy for an address, or `undefined` when it is reached directly.
 *
 * This machine (`localhost`, 127.0.0.0/8, ::1) is always reached directly. An entry of `none` spares a
 * host with all hosts below it, with a leading dot (or `*.`) only those below it; or an IP address, or
 * a range of them (`10.0.0.0/8`); `:port` narrows an entry; `*` spares all.
 */
export function proxyFor(address: string, settings: ProxySettings | undefined): Proxy | undefined {
  const url = new URL(address);
  const proxy = url.protocol === "https:" ? settings?.https : settings?.http;
  if (proxy === undefined) return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  if (host === "localhost" || isInRange(host, "127.0.0.0/8") || host === "::1") return undefined;
  if (settings?.none?.some((entry) => spares(entry.toLowerCase(), host, port))) return undefined;
  const { origin, username, password } = new URL(proxy);
  const login = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  return username === "" && password === "" ? { origin } : { origin, login };
}

function spares(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (isInRange(host, entry)) return true;
  const [, name = "", onlyPort] = /^(\[.+\]|[^:]+|[^:]*:.*:[^:]*?)(?::(\d+))?$/.exec(entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const wanted = name.replace(/^\[|\]$/g, "").replace(/^\*\./, ".");
  if (isIP(host) !== 0) return wanted === host;
  return wanted === host || host.endsWith(wanted.startsWith(".") ? wanted : `.${wanted}`);
}

function isInRange(host: string, range: string): boolean {
  const [, network = "", bits = ""] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(range) ?? [];
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || Number(bits) > (family === 4 ? 32 : 128)) {
    return false;
  }
  const kind = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(network, Number(bits), kind);
  return list.check(host, kind);
}
