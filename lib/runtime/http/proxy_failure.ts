import { causeChain, RuntimeError } from "../../core/errors.ts";

const CHECK = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment of this program";

/** Errors of undici for a connection that does not come about. */
const UNREACHED =
  /\b(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|Connect Timeout Error)\b/;

/**
 * The failure of a request that went through a proxy, when it is the proxy's: `runtime.proxy-refused`
 * or `runtime.proxy-unreachable`. Neither tells the proxy's address, which may hold a password.
 *
 * With a proxy, nothing but the proxy is ever connected to or looked up; so a connection that does not
 * come about is one to the proxy.
 *
 * @param error What Deno's fetch or undici threw.
 */
export function proxyFailure(error: unknown): RuntimeError | undefined {
  const text = causeChain(error).join("\n");
  const [, status] = /Proxy response \((\d{3})\)/.exec(text) ?? []; // undici
  if (status !== undefined) return proxyAnswered(Number(status), error);
  // Deno tells of other statuses that there is no tunnel.
  if (text.includes("proxy authentication required")) return proxyAnswered(407, error);
  if (/unsuccessful tunnel|eof while tunneling/.test(text)) {
    return refused("the proxy does not let it through", CHECK, error);
  }
  if (!UNREACHED.test(text) && !/tcp connect error|dns error/.test(text)) return undefined;
  return new RuntimeError(
    "runtime.proxy-unreachable",
    "Cannot send the request: the proxy cannot be reached",
    { hint: CHECK, cause: error },
  );
}

/** The failure of a request that the proxy itself answered. */
export function proxyAnswered(status: number, cause?: unknown): RuntimeError {
  return status === 407
    ? refused(
      "the proxy wants a user and a password, or other ones (407)",
      "Write the proxy as http://user:password@host:port in HTTPS_PROXY and HTTP_PROXY",
      cause,
    )
    : refused(`the proxy answered ${status}`, CHECK, cause);
}

function refused(why: string, hint: string, cause: unknown): RuntimeError {
  const message = `Cannot send the request: ${why}`;
  return new RuntimeError("runtime.proxy-refused", message, { hint, cause });
}
