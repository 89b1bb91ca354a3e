import type { HttpExchange } from "../../../lib/testing/mod.ts";

/** The calls of a device, as the rows name them. */
export type Call = "auth" | "inventory" | "next" | "artifact" | "status" | "log" | "other";

/** Which call a request is. */
export function callOf({ target }: Pick<HttpExchange, "target">): Call {
  if (target.endsWith("/auth_requests")) return "auth";
  if (target.endsWith("/attributes")) return "inventory";
  if (/\/deployments\/next(\?|$)/.test(target)) return "next";
  if (target.startsWith("/storage/")) return "artifact";
  if (target.endsWith("/status")) return "status";
  return target.endsWith("/log") ? "log" : "other";
}
