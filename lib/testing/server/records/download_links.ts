import { createHmac, timingSafeEqual } from "node:crypto";
import { Buffer } from "node:buffer";
import type { Drivers } from "../../../runtime/drivers.ts";
import { ServerRefusal } from "../refusal.ts";
import type { StateFile } from "./state_file.ts";

/** A link under which one Artifact can be fetched for a time, without a token. */
export interface DownloadLink {
  /** Absolute URL. */
  readonly uri: string;
  /** RFC 3339 time of its end. */
  readonly expire: string;
}

/** Path under which contents are served; {@link DownloadLinks} signs what comes behind it. */
export const STORAGE_PATH = "/storage/artifacts";

/** Makes and checks signed links, like those of an object store. */
export class DownloadLinks {
  readonly #file: StateFile;
  readonly #drivers: Drivers;
  readonly #lifeSeconds: number;

  /** Makes links that live for `lifeSeconds`. */
  constructor(file: StateFile, drivers: Drivers, lifeSeconds: number) {
    this.#file = file;
    this.#drivers = drivers;
    this.#lifeSeconds = lifeSeconds;
  }

  /** Makes a link to an Artifact; `origin` is scheme, host and port as the client knows them. */
  make(origin: string, artifactId: string): DownloadLink {
    const expires = Math.floor(this.#drivers.clock.now() / 1000) + this.#lifeSeconds;
    const generation = this.#file.state.linkGeneration;
    const query = new URLSearchParams({
      expires: `${expires}`,
      generation: `${generation}`,
      signature: this.#sign(artifactId, `${expires}`, `${generation}`),
    });
    return {
      uri: `${origin}${STORAGE_PATH}/${artifactId}?${query}`,
      expire: new Date(expires * 1000).toISOString().replace(/\.\d+Z$/, "Z"),
    };
  }

  /** Throws {@link ServerRefusal} `server.forbidden` unless the link is ours and still good. */
  check(artifactId: string, query: URLSearchParams): void {
    const [expires, generation, signature] = ["expires", "generation", "signature"]
      .map((name) => query.get(name) ?? "") as [string, string, string];
    const wanted = Buffer.from(this.#sign(artifactId, expires, generation));
    const found = Buffer.from(signature);
    if (wanted.length !== found.length || !timingSafeEqual(wanted, found)) {
      throw new ServerRefusal("server.forbidden", "the signature of the link does not match");
    }
    const isOld = Number(generation) !== this.#file.state.linkGeneration;
    if (isOld || Number(expires) * 1000 <= this.#drivers.clock.now()) {
      throw new ServerRefusal("server.forbidden", "the link has expired");
    }
  }

  /** Ends all links that were made so far. */
  expireAll(): void {
    this.#file.state.linkGeneration++;
    this.#file.changed();
  }

  #sign(artifactId: string, expires: string, generation: string): string {
    return createHmac("sha256", `link ${this.#file.state.secret}`)
      .update(`${artifactId}\n${expires}\n${generation}`).digest("hex");
  }
}
