import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";
import { waitUntil } from "../../tests/support/wait.ts";

/** Name of the Artifact that is deployed. */
export const BENCH_ARTIFACT = "release-2";

/** What the server's process tells. */
export type ServerEvent =
  | { readonly event: "ready"; readonly url: string; readonly sizeBytes: number }
  | {
    readonly event: "request";
    /** When it came, in milliseconds since 1970. */
    readonly at: number;
    readonly method: string;
    readonly target: string;
  };

type RequestEvent = Extract<ServerEvent, { event: "request" }>;

const START_LIMIT_MS = 120_000;
const POLL_LIMIT_MS = 30_000;

/** The server of {@link withArtifactServer}, seen from outside its process. */
export class ArtifactServer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #requests: RequestEvent[] = [];
  #ready: Extract<ServerEvent, { event: "ready" }> | undefined;

  constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    createInterface(child.stdout).on("line", (line) => {
      const event = JSON.parse(line) as ServerEvent;
      if (event.event === "ready") this.#ready = event;
      else this.#requests.push(event);
    });
  }

  /** Waits until it listens and has its Artifact. */
  async ready(): Promise<void> {
    const hasEnded = (): boolean => this.#child.exitCode !== null;
    await waitUntil("the server", () => this.#ready ?? hasEnded(), START_LIMIT_MS);
    if (this.#ready === undefined) throw new Error("The server of the bench has ended");
  }

  /** Base URL. */
  get url(): string {
    return this.#ready!.url;
  }

  /** Size of the whole Artifact in bytes. */
  get sizeBytes(): number {
    return this.#ready!.sizeBytes;
  }

  /** Waits for a poll behind those so far that brings nothing: the client is idle then. */
  async idle(): Promise<void> {
    await this.polled(2);
  }

  /** Waits for so many polls behind those so far. */
  async polled(count: number): Promise<void> {
    const from = this.pollCount;
    const limitMs = count * POLL_LIMIT_MS;
    await waitUntil(`${count} polls`, () => this.pollCount >= from + count, limitMs);
  }

  /** Polls so far, of all clients. */
  get pollCount(): number {
    return this.#requests.filter(({ target }) => /\/next(\?|$)/.test(target)).length;
  }

  /** Makes a deployment of the Artifact for the newest device. */
  deploy(): void {
    this.#child.stdin.write("deploy\n");
  }

  /** The newest request for the Artifact's bytes. */
  get newestDownload(): RequestEvent {
    return this.#requests.findLast(({ target }) => target.startsWith("/storage/"))!;
  }
}

/**
 * Runs `body` with a server in a process of its own, which has one Artifact.
 *
 * @param source Its path, or the size of a payload to make up, in bytes.
 */
export function withArtifactServer(
  source: string | number,
  body: (server: ArtifactServer) => Promise<void>,
): Promise<void> {
  return inTemporaryDirectory(async (dir) => {
    const script = fileURLToPath(new URL("server_process.ts", import.meta.url));
    const args = ["run", "-A", "--no-check", script, join(dir, "server"), `${source}`];
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    try {
      const server = new ArtifactServer(child);
      await server.ready();
      await body(server);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  });
}
