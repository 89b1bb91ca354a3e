import { isLoopback } from "../core/loopback.ts";

/**
 * Brings a server's base URL into the form that paths are appended to: with a scheme (`https` when
 * there is none, as in mender) and without slashes at the end.
 *
 * @returns The URL, or why it cannot be used; the reason never shows a password.
 * @see device-api, first paragraph
 */
export function normalServerUrl(text: string): { url: string } | { reason: string } {
  const bare = text.trim();
  if (/^\/*$/.test(bare)) return { reason: "it is empty" };
  const full = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(bare) ? bare : `https://${bare}`;
  let url: URL;
  try {
    url = new URL(full);
  } catch {
    return { reason: "it is not a URL" }; // what the runtime says would repeat the text, secrets too
  }
  if (url.username !== "" || url.password !== "") return { reason: "it holds a user name" };
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return { reason: `wanted https or http, found ${JSON.stringify(url.protocol.slice(0, -1))}` };
  }
  if (/[?#\s]/.test(full)) return { reason: "it holds a query, a fragment or a blank" };
  return { url: full.replace(/\/+$/, "") };
}

/** Whether what is sent to a server can be read on the way: plain HTTP that leaves the machine. */
export function isUnprotected(serverUrl: string): boolean {
  const url = new URL(serverUrl);
  return url.protocol === "http:" && !isLoopback(url.hostname);
}

/** `host:port` of a URL, with the port of its scheme when it names none. */
export function hostAndPort(url: string): string {
  const { hostname, port, protocol } = new URL(url);
  return `${hostname}:${port === "" ? (protocol === "http:" ? 80 : 443) : port}`;
}
