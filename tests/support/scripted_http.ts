import type { HttpDriver, HttpRequest, HttpResponse } from "../../lib/runtime/http/http_driver.ts";

/** What a scripted server answers. */
export interface ScriptedAnswer {
  /** HTTP status; 200 when absent. */
  readonly status?: number;
  /** Header fields, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Body, whole or in the chunks in which it arrives. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** What comes after the last chunk: the end, silence, or the loss of the connection. */
  readonly then?: "end" | "silence" | "cut";
  /** Never even a head arrives. */
  readonly isSilent?: boolean;
}

/** Answers one request; what it throws is the failure of the connection. */
export type Script = (request: SeenRequest, index: number) => ScriptedAnswer;

/** A request as the driver was given it. */
export interface SeenRequest extends HttpRequest {
  /** The body as text. */
  readonly text: string;
  /** Path and query. */
  readonly path: string;
  /** The body as JSON. */
  json(): unknown;
}

/** An HTTP driver without a network: it keeps what it was asked and answers by a script. */
export class ScriptedHttp implements HttpDriver {
  /** All requests, in order. */
  readonly requests: SeenRequest[] = [];
  /** Bodies that were handed out and neither read to their end nor cancelled. */
  openBodies = 0;
  readonly #script: Script;

  /** Makes a driver; a list is answered from front to back. */
  constructor(script: Script | readonly ScriptedAnswer[]) {
    this.#script = typeof script === "function" ? script : (_request, index) => {
      const answer = script[index];
      if (answer === undefined) throw new Error(`the script has no answer ${index + 1}`);
      return answer;
    };
  }

  /** `METHOD path` of all requests. */
  get calls(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path}`);
  }

  /** @inheritdoc */
  send(request: HttpRequest): Promise<HttpResponse> {
    const { pathname, search } = new URL(request.url);
    const text = new TextDecoder().decode(request.body ?? new Uint8Array());
    const seen = { ...request, text, path: pathname + search, json: () => JSON.parse(text) };
    return new Promise((resolve, reject) => {
      if (request.signal.aborted) return reject(request.signal.reason);
      this.requests.push(seen);
      const answer = this.#script(seen, this.requests.length - 1);
      if (request.signal.aborted) return reject(request.signal.reason);
      request.signal.addEventListener("abort", () => reject(request.signal.reason));
      if (answer.isSilent === true) return;
      resolve({
        status: answer.status ?? 200,
        headers: new Map(Object.entries(answer.headers ?? {})),
        body: this.#bodyOf(answer, request.signal),
      });
    });
  }

  /** @inheritdoc */
  close(): void {}

  #bodyOf({ body = [], then = "end" }: ScriptedAnswer, signal: AbortSignal): HttpResponse["body"] {
    const parts = typeof body === "string" || body instanceof Uint8Array ? [body] : [...body];
    this.openBodies++;
    let isOpen = true;
    const ended = (): void => {
      if (isOpen) this.openBodies--;
      isOpen = false;
    };
    return new ReadableStream<Uint8Array>({
      start(controller) {
        signal.addEventListener("abort", () => {
          if (isOpen) controller.error(signal.reason);
          ended();
        });
      },
      pull(controller) {
        const part = parts.shift();
        if (part !== undefined) {
          controller.enqueue(typeof part === "string" ? new TextEncoder().encode(part) : part);
        } else if (then === "silence") return new Promise(() => {});
        else {
          if (then === "cut") controller.error(new TypeError("connection closed"));
          else controller.close();
          ended();
        }
      },
      cancel: ended,
    }, { highWaterMark: 0 });
  }
}
