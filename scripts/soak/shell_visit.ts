import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { bodyText, integerProperty, SHELL_STATUS } from "../../lib/connect/protocol/internal.ts";
import type { RemoteSession } from "../../lib/testing/mod.ts";
import { TestTerminal } from "../../tests/support/remote_access_rig.ts";
import { SessionBroken } from "./session_broken.ts";

/** Whatever else the machine does, a shell answers within this time, or its session is over. */
const ANSWER_LIMIT_MS = 60_000;

/**
 * A user in a shell, who knows every byte that it has to say. What is not as it should be is thrown; a
 * {@link SessionBroken} once the session is over.
 */
export class ShellVisit {
  /** Process ID of the shell, once it is known. */
  pid: number | undefined;
  /** Bytes that were compared, in both directions. */
  checkedBytes = 0;
  readonly #terminal: TestTerminal;
  #isOver = false;
  /** Where the output that was not looked at begins. */
  #at = 0;

  /** Opens a shell. */
  constructor(session: RemoteSession) {
    this.#terminal = new TestTerminal(session);
    void this.#terminal.ended.then(() => this.#isOver = true);
  }

  /** Makes the shell say nothing but what it is asked for. */
  async begin(): Promise<void> {
    this.#terminal.type("stty -echo -onlcr; PS1= PS2=; echo pid=$$.\n");
    const pattern = /pid=(\d+)\.\n/;
    await this.#until("the shell", () => pattern.test(this.#terminal.text));
    const match = pattern.exec(this.#terminal.text)!;
    this.pid = Number(match[1]);
    this.#at = match.index + match[0].length;
  }

  /** Has so many numbered lines written. */
  async lines(count: number): Promise<void> {
    const lines = Array.from(
      { length: count },
      (_, at) => `line ${String(at + 1).padStart(7, "0")}`,
    );
    await this.#answer(`seq -f 'line %07.0f' 1 ${count}`, `${lines.join("\n")}\n`);
  }

  /** Types bytes of any kind, and has the shell say what it got. */
  async input(content: Uint8Array, random: () => number): Promise<void> {
    await this.#answer(
      `stty raw; echo ready; head -c ${content.length} | sha256sum; stty -raw; echo back`,
      "ready\n",
    );
    const { session } = this.#terminal;
    for (let from = 0; from < content.length;) {
      const size = 1 + Math.floor(random() * 3000);
      session.send({ protocol: 1, type: "shell", body: content.subarray(from, from + size) });
      from += size;
      await session.drained();
    }
    const sum = createHash("sha256").update(content).digest("hex");
    await this.#says(`${sum}  -\nback\n`);
    this.checkedBytes += content.length;
  }

  /** Leaves a job in the background. */
  startJob(isStubborn: boolean): void {
    this.#terminal.type(`(${isStubborn ? "trap '' HUP TERM; " : ""}sleep 600 &)\n`);
  }

  /** Asks the device to end the shell, and is told that nothing of it is left. */
  async stop(): Promise<void> {
    this.#terminal.session.send({ protocol: 1, type: "stop" });
    await this.#stopped();
  }

  /** Ends the shell from within. */
  async exit(): Promise<void> {
    this.#terminal.type("exit\n");
    await this.#stopped();
  }

  /** Ends the session at the server; the device is told nothing. */
  leave(): Promise<void> {
    return this.#terminal.close();
  }

  async #stopped(): Promise<void> {
    const isStop = ({ type }: { type: string }): boolean => type === "stop";
    await this.#until("the end of the shell", () => this.#terminal.others.some(isStop));
    this.#isAllRead();
  }

  async #answer(command: string, expected: string): Promise<void> {
    this.#isAllRead();
    this.#terminal.type(`${command}\n`);
    await this.#says(expected);
  }

  async #says(text: string): Promise<void> {
    const expected = Buffer.from(text);
    const end = this.#at + expected.length;
    await this.#until(`output of ${expected.length} bytes`, () => this.#terminal.size >= end);
    const seen = Buffer.from(this.#terminal.bytes.subarray(this.#at, end));
    if (!seen.equals(expected)) {
      const first = expected.findIndex((byte, at) => byte !== seen[at]);
      const part = (of: Buffer): string => JSON.stringify(of.toString("latin1", first, first + 80));
      throw new Error(
        `byte ${first} of output differs: wanted ${part(expected)}, got ${part(seen)}`,
      );
    }
    this.#at = end;
    this.checkedBytes += expected.length;
  }

  #isAllRead(): void {
    const more = this.#terminal.bytes.subarray(this.#at);
    if (more.length === 0) return;
    const text = JSON.stringify(Buffer.from(more.subarray(0, 200)).toString("latin1"));
    throw new Error(`output that nobody asked for: ${text}`);
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    const limit = performance.now() + ANSWER_LIMIT_MS;
    while (!condition()) {
      if (this.#isOver) throw new SessionBroken(`${what} did not come`);
      const { others, size } = this.#terminal;
      const refusal = others.find((frame) =>
        frame.type === "stop" || integerProperty(frame, "status") === SHELL_STATUS.error
      );
      if (refusal !== undefined) {
        throw new Error(`${what} did not come, but ${refusal.type}: ${bodyText(refusal)}`);
      }
      if (performance.now() > limit) {
        throw new Error(`${what} did not come within ${ANSWER_LIMIT_MS / 1000} s: ${size} bytes`);
      }
      await delay(20);
    }
  }
}
