import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { type Answer, emptyAnswer, textAnswer } from "../answer.ts";
import type { Call } from "../call.ts";
import { ServerRefusal } from "../refusal.ts";

/** `POST login`: name and password by Basic authorization; 200 with the bare token. */
export async function login(call: Call): Promise<Answer> {
  const { settings, tokens, file } = call.context;
  await call.exchange.drain(); // mender-cli may send a second factor, which this server has none of
  const credentials = basicCredentials(call.exchange.headers.get("authorization"));
  const isKnown = credentials !== undefined && isEqual(credentials.user, settings.user) &&
    isEqual(credentials.password, settings.password);
  if (!isKnown) throw new ServerRefusal("server.unauthorized", "unauthorized");
  const token = tokens.issueForUser(file.state.userId, settings.tokenLifeSeconds);
  return textAnswer(token, "application/jwt");
}

/** `POST logout`: withdraws the token of the call. */
export function logout(call: Call): Answer {
  call.context.tokens.revoke((_, id) => id === call.tokenId);
  return emptyAnswer(202);
}

function basicCredentials(
  header: string | undefined,
): { user: string; password: string } | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Compares without telling by its time how much was right. */
function isEqual(found: string, wanted: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(found), hash(wanted));
}
