import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { NetworkDriver, TcpConnection, UdpConnection } from "../../runtime/network_driver.ts";
import type { Outbox } from "../outbox.ts";
import {
  forwardErrorFrame,
  forwardFrame,
  type ForwardTarget,
  type Frame,
  FrameHead,
} from "../protocol/internal.ts";
import { SilenceWatch } from "../silence_watch.ts";

/** How long it may take to reach a target, and how long a target may be silent. */
const DIAL_LIMIT_MS = 20_000;
const IDLE_LIMIT_MS = 600_000;

/** How long a target may take to end its side after the peer has stopped. */
const LINGER_MS = 10_000;

/**
 * Largest piece of a stream that is sent in one message. Each waits for its acknowledgement, so that small
 * ones cost round trips; mender-connect sends 4096 bytes, mender-cli takes what a terminal's output has.
 */
const MAX_PIECE_BYTES = 16 * 1024;

/** Bytes that a peer may send before the target is reached. */
const MAX_EARLY_BYTES = 1 << 20;

/** What a forwarded connection stands on. */
export interface ForwardedConnectionParts {
  /** The `new` that asked for it. */
  readonly request: Frame;
  /** ID that the peer chose. */
  readonly connectionId: string;
  /** Where it leads. */
  readonly target: ForwardTarget;
  /** Connections of the machine. */
  readonly network: NetworkDriver;
  /** Time. */
  readonly clock: Clock;
  /** Where messages go. */
  readonly outbox: Outbox;
  /** Told once the connection is over. */
  onEnd(): void;
}

type Target = TcpConnection | UdpConnection;

/**
 * One connection to a target. In each direction one piece is under way at a time: a piece of the peer is
 * acknowledged once the target has taken it, and the next piece of the target waits for the peer's
 * acknowledgement.
 */
export class ForwardedConnection {
  readonly #parts: ForwardedConnectionParts;
  readonly #heads: { readonly forward: FrameHead; readonly ack: FrameHead };
  #target: Target | undefined;
  /** What is still to be done before the next write; nothing, usually. */
  #writes: Promise<void> | undefined;
  #queuedBytes = 0;
  #acknowledged: (() => void) | undefined;
  readonly #silence: SilenceWatch;
  #isOver = false;
  #isDestroyed = false;

  /** Starts to reach the target; the peer is told when it is reached, or why not. */
  constructor(parts: ForwardedConnectionParts) {
    this.#parts = parts;
    const { request: { sessionId }, connectionId } = parts;
    this.#heads = {
      forward: new FrameHead(forwardFrame("forward", sessionId, connectionId)),
      ack: new FrameHead(forwardFrame("ack", sessionId, connectionId)),
    };
    this.#silence = new SilenceWatch(parts.clock, IDLE_LIMIT_MS, () => this.stop());
    this.#follow(this.#dial());
  }

  /** Bytes of the peer; it may send before the target is reached. */
  forward(frame: Frame): void {
    this.#queuedBytes += frame.body.length;
    if (this.#queuedBytes > MAX_EARLY_BYTES) return this.#fail("the target takes no data");
    if (this.#writes !== undefined) {
      return this.#follow(this.#writes.then(() => this.#write(frame.body)));
    }
    const writing = this.#write(frame.body);
    if (writing !== undefined) this.#follow(writing);
  }

  /** The peer has got the last piece. */
  acknowledge(): void {
    this.#acknowledged?.();
  }

  /** The peer wants no more: what it sent still goes out, and the target hears of the end. */
  stop(): void {
    if (this.#isOver) return;
    this.#send("stop");
    void this.#finish();
  }

  /** Gives the connection up without a message. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#over();
    this.#target?.destroy();
  }

  #follow(work: Promise<void>): void {
    const writes: Promise<void> = work.catch((error) => this.#fail(messageOf(error))).then(() => {
      if (this.#writes === writes) this.#writes = undefined;
    });
    this.#writes = writes;
  }

  #write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#target === undefined || this.#isDestroyed) return undefined;
    const writing = this.#target.write(bytes);
    if (writing === undefined) return this.#written(bytes);
    return writing.then(() => this.#written(bytes));
  }

  #written(bytes: Uint8Array): undefined {
    this.#queuedBytes -= bytes.length;
    // A surplus one ends mender-cli.
    if (!this.#isOver) this.#parts.outbox.sendWith(this.#heads.ack);
  }

  async #dial(): Promise<void> {
    const { network, target } = this.#parts;
    const options = { host: target.host, port: target.port, limitMs: DIAL_LIMIT_MS };
    try {
      this.#target = target.protocol === "tcp"
        ? await network.connectTcp(options)
        : await network.connectUdp(options);
    } catch (error) {
      return this.#fail(messageOf(error));
    }
    if (this.#isDestroyed) return this.#target.destroy();
    if (!this.#isOver) this.#send("new");
    void this.#read(this.#target);
  }

  /** Reads to the end, also when nobody wants it any more: what is left unread keeps a connection open. */
  async #read(target: Target): Promise<void> {
    try {
      if (!this.#isOver) this.#silence.heard();
      for await (const chunk of target.readable) {
        if (!this.#isOver) this.#silence.heard();
        for (const piece of this.#pieces(chunk)) {
          if (!this.#isOver && this.#parts.outbox.isFull) await this.#parts.outbox.ready();
          if (this.#isOver) break;
          await this.#forward(piece);
        }
      }
      if (!this.#isOver) this.stop();
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  #forward(piece: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#acknowledged = () => {
        this.#acknowledged = undefined;
        resolve();
      };
      this.#parts.outbox.sendWith(this.#heads.forward, piece);
    });
  }

  /** A datagram is a whole. */
  *#pieces(chunk: Uint8Array): Generator<Uint8Array> {
    if (this.#parts.target.protocol === "udp") return yield chunk;
    for (let at = 0; at < chunk.length; at += MAX_PIECE_BYTES) {
      yield chunk.subarray(at, at + MAX_PIECE_BYTES);
    }
  }

  async #finish(): Promise<void> {
    const { clock } = this.#parts;
    const writes = this.#writes;
    this.#over();
    const cancel = clock.after(LINGER_MS, () => this.#target?.destroy());
    try {
      await writes;
      const target = this.#target;
      if (target !== undefined && "end" in target) {
        target.end();
        await target.closed;
      } else target?.destroy();
    } finally {
      cancel();
    }
  }

  #fail(text: string): void {
    if (this.#isOver) return;
    const { outbox, request } = this.#parts;
    outbox.send(forwardErrorFrame(request, text));
    if (this.#target !== undefined) this.#send("stop");
    this.destroy();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#silence.stop();
    this.#acknowledged?.();
    this.#parts.onEnd();
  }

  #send(type: "new" | "stop"): void {
    const { outbox, request, connectionId } = this.#parts;
    outbox.send(forwardFrame(type, request.sessionId, connectionId));
  }
}
