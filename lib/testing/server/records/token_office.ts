import { createHmac, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Drivers } from "../../../runtime/drivers.ts";
import { ServerRefusal } from "../refusal.ts";
import type { TokenRecord } from "./state.ts";
import type { StateFile } from "./state_file.ts";

/** Gives out and checks the JSON Web Tokens of devices and users (HS256). */
export class TokenOffice {
  readonly #file: StateFile;
  readonly #drivers: Drivers;

  /** Works on the tokens of a state. */
  constructor(file: StateFile, drivers: Drivers) {
    this.#file = file;
    this.#drivers = drivers;
  }

  /** Makes a token for a device whose auth set was accepted. */
  issueForDevice(deviceId: string, authSetId: string, lifeSeconds: number): string {
    return this.#issue(
      { kind: "device", subject: deviceId, authSetId },
      { "mender.device": true },
      lifeSeconds,
    );
  }

  /** Makes a token for the management user. */
  issueForUser(userId: string, lifeSeconds: number): string {
    return this.#issue(
      { kind: "user", subject: userId },
      { "mender.user": true, scp: "mender.*" },
      lifeSeconds,
    );
  }

  /**
   * Finds out whom a request speaks for.
   *
   * @returns The token's record and `jti`.
   * @throws {ServerRefusal} `server.forbidden` for a token that has just expired: it is deleted, so
   * that the next try gets `server.unauthorized`, as do unknown, forged and withdrawn ones.
   */
  check(authorization: string | undefined): { id: string; token: TokenRecord } {
    const bearer = /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization ?? "");
    if (bearer === null) throw unauthorized();
    const [, header = "", payload = "", signature = ""] = bearer;
    const wanted = Buffer.from(this.#sign(`${header}.${payload}`));
    const found = Buffer.from(signature);
    if (wanted.length !== found.length || !timingSafeEqual(wanted, found)) throw unauthorized();
    // Only our own signature leads here, so the payload is what #issue wrote.
    const { jti } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { jti: string };
    const token = this.#file.state.tokens[jti];
    if (token === undefined) throw unauthorized();
    if (token.expiresAt > this.#drivers.clock.now()) return { id: jti, token };
    this.revoke((_, id) => id === jti);
    throw new ServerRefusal("server.forbidden", "token expired");
  }

  /** Withdraws every token that `which` names. */
  revoke(which: (token: TokenRecord, id: string) => boolean): void {
    const { tokens } = this.#file.state;
    for (const [id, token] of Object.entries(tokens)) {
      if (!which(token, id)) continue;
      delete tokens[id];
      this.#file.changed();
    }
  }

  #issue(
    record: Omit<TokenRecord, "expiresAt">,
    claims: Record<string, unknown>,
    lifeSeconds: number,
  ): string {
    const now = this.#drivers.clock.now();
    // What nobody came back with is forgotten a day after its end, lest the state grow for ever.
    this.revoke((token) => token.expiresAt < now - 86_400_000);
    const jti = this.#drivers.random.uuid();
    const expiresAt = now + lifeSeconds * 1000;
    this.#file.state.tokens[jti] = { ...record, expiresAt };
    this.#file.changed();
    const payload = {
      jti,
      sub: record.subject,
      iss: "Mender",
      exp: Math.floor(expiresAt / 1000),
      ...claims,
    };
    const text = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(payload)}`;
    return `${text}.${this.#sign(text)}`;
  }

  #sign(text: string): string {
    return createHmac("sha256", `token ${this.#file.state.secret}`).update(text)
      .digest("base64url");
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function unauthorized(): ServerRefusal {
  return new ServerRefusal("server.unauthorized", "unauthorized");
}
