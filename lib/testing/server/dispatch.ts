import { messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { HttpExchange } from "../../runtime/http/http_exchange.ts";
import { checkBearer } from "./access.ts";
import { type Answer, jsonAnswer } from "./answer.ts";
import { Call } from "./call.ts";
import type { Journal } from "./journal.ts";
import { maskHeaders, maskJson, maskQuery } from "./masking.ts";
import { ServerRefusal } from "./refusal.ts";
import { findRoute, type Route } from "./router.ts";
import { ROUTES } from "./route_table.ts";
import type { ServerContext } from "./server_context.ts";
import type { Interceptor } from "./server_options.ts";

/** Bytes of a stored body that are read and sent at a time. */
const CHUNK_BYTES = 128 * 1024;

/** What the dispatcher stands on. */
export interface DispatchParts {
  /** What the routes work with. */
  readonly context: ServerContext;
  /** Where requests are noted. */
  readonly journal: Journal;
  /** Where failures of the server itself are told. */
  readonly logger: Logger;
  /** Makes request IDs. */
  makeId(): string;
  /** The interceptor of this moment. */
  interceptor(): Interceptor | undefined;
}

/**
 * Takes one request through interceptor, route and journal to its answer.
 *
 * The order matters: the state is on disk before the client hears of it, and the request is in the
 * journal before the client can act on the answer.
 */
export async function dispatch(parts: DispatchParts, exchange: HttpExchange): Promise<void> {
  const { context, journal } = parts;
  const call = new Call(context, exchange);
  const requestId = parts.makeId();
  const note = (status: number): void => {
    const { deviceId, violations: violation, body } = call;
    journal.add({
      at: context.clock.now(),
      method: exchange.method,
      path: call.path,
      query: maskQuery(call.query),
      headers: maskHeaders(exchange.headers),
      status,
      requestId,
      ...(deviceId !== undefined && { deviceId }),
      ...(body !== undefined && { body: maskJson(body) }),
      ...(violation !== undefined && { violation }),
    });
  };
  if (await parts.interceptor()?.(exchange) === true) return note(exchange.status);
  const answer = await answerOf(parts, call, requestId);
  if (exchange.ended.aborted) return note(0);
  note(answer.status);
  await send(exchange, answer, requestId);
}

async function answerOf(parts: DispatchParts, call: Call, requestId: string): Promise<Answer> {
  try {
    const { route, params } = findRoute(ROUTES, call.exchange.method, call.path);
    call.params = params;
    checkAccess(route, call);
    const answer = await route.handle(call);
    parts.context.file.flush();
    return answer;
  } catch (error) {
    if (call.exchange.ended.aborted) return jsonAnswer({}, 499); // nobody is left to answer
    return refusalAnswer(parts, keptAfter(parts, error), requestId);
  }
}

/**
 * Stores what a refused call changed nevertheless: a 409 on `next` fails the deployment.
 *
 * @returns What is to be answered: the refusal, or the reason why it could not be stored.
 */
function keptAfter(parts: DispatchParts, error: unknown): unknown {
  if (!(error instanceof ServerRefusal)) return error;
  try {
    parts.context.file.flush();
    return error;
  } catch (failure) {
    return failure;
  }
}

function checkAccess(route: Route, call: Call): void {
  if (route.access === "open") return;
  const authorization = call.exchange.headers.get("authorization");
  const bearer = checkBearer(call.context, route.access, authorization);
  call.tokenId = bearer.tokenId;
  call.deviceId = bearer.deviceId;
}

function refusalAnswer(parts: DispatchParts, error: unknown, requestId: string): Answer {
  if (error instanceof ServerRefusal) {
    const { metadata } = error;
    const text = { error: error.message, request_id: requestId, ...(metadata && { metadata }) };
    return jsonAnswer(text, error.status, { ...error.headers });
  }
  parts.logger.log("error", "Cannot answer a request", { requestId }, error);
  return jsonAnswer({ error: `internal error: ${messageOf(error)}`, request_id: requestId }, 500);
}

async function send(exchange: HttpExchange, answer: Answer, requestId: string): Promise<void> {
  const headers: Record<string, string> = { ...answer.headers, "X-MEN-RequestID": requestId };
  const { body, status } = answer;
  if (typeof body === "string") {
    // A client that is still sending must get to see the answer; but not everything is waited for.
    if (!exchange.request.complete) await exchange.drain();
    if (!exchange.request.complete) headers.connection = "close";
    return exchange.reply(status, headers, body);
  }
  exchange.start(status, { ...headers, "content-length": `${body.sizeBytes}` });
  if (exchange.method !== "HEAD") {
    if ("chunks" in body) {
      let sentBytes = 0;
      for await (const chunk of body.chunks) {
        if (!await exchange.write(chunk)) break;
        sentBytes += chunk.length;
      }
      if (sentBytes !== body.sizeBytes) return exchange.cut();
    } else {for (let at = 0; at < body.sizeBytes;) {
        const chunk = body.read(at, Math.min(CHUNK_BYTES, body.sizeBytes - at));
        if (chunk.length === 0 || !await exchange.write(chunk)) return exchange.cut();
        at += chunk.length;
      }}
  }
  exchange.end();
}
