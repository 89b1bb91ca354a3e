import type { TransferLimits } from "../../config/mod.ts";
import { isMenderError, messageOf, SessionError } from "../../core/errors.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { FileDriver, FileInfo } from "../../runtime/files/file_driver.ts";
import {
  ackFrame,
  fileInfoFrame,
  type FileKind,
  type Frame,
  goFileMode,
  integerProperty,
  readPath,
  readPut,
  readTransferError,
  transferErrorFrame,
} from "../protocol/internal.ts";
import type { HandlerFactory, ProtocolHandler, SessionContext } from "../protocol_handler.ts";
import { ByteRate } from "./byte_rate.ts";
import { FileReceiver } from "./file_receiver.ts";
import { FileSender } from "./file_sender.ts";
import { TransferPolicy } from "./transfer_policy.ts";

/** What file transfer stands on. */
export interface FileTransferParts {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** Time. */
  readonly clock: Clock;
  /** What may be reached; `undefined` = everything. */
  readonly limits: TransferLimits | undefined;
}

interface DeviceParts extends FileTransferParts {
  readonly policy: TransferPolicy;
  readonly sentRate: ByteRate;
  readonly receivedRate: ByteRate;
}

/** Makes the handlers of file transfer; rates are counted over all of them. */
export function fileTransferHandlers(parts: FileTransferParts): HandlerFactory {
  const { files, clock, limits } = parts;
  const device: DeviceParts = {
    ...parts,
    policy: new TransferPolicy(files, limits),
    sentRate: new ByteRate(clock, limits?.maxSentBytesPerMinute ?? 0),
    receivedRate: new ByteRate(clock, limits?.maxReceivedBytesPerMinute ?? 0),
  };
  return (context) => new FileTransferHandler(device, context);
}

/** File transfer in one session: one file at a time, in either direction. */
class FileTransferHandler implements ProtocolHandler {
  readonly #parts: DeviceParts;
  readonly #context: SessionContext;
  #sender: FileSender | undefined;
  #receiver: FileReceiver | undefined;
  #sentBytes: number | undefined;

  constructor(parts: DeviceParts, context: SessionContext) {
    this.#parts = parts;
    this.#context = context;
  }

  handle(frame: Frame): void {
    try {
      this.#handle(frame);
    } catch (error) {
      const isTheirs = error instanceof SessionError || isMenderError(error);
      const why = messageOf(error);
      this.#fail(
        frame,
        isTheirs ? why.replace(/^malformed/, "malformed request parameters:") : why,
      );
    }
  }

  close(): void {
    this.#sender?.abort();
    this.#receiver?.abort();
    this.#sender = undefined;
    this.#receiver = undefined;
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case "stat":
        return this.#stat(frame);
      case "get_file":
        return this.#get(frame);
      case "put_file":
        return this.#put(frame);
      case "file_chunk":
        if (this.#receiver === undefined) return this.#fail(frame, "no file transfer in progress");
        return this.#receiver.chunk(frame);
      case "ack":
        return this.#acknowledge(frame);
      case "error":
        this.#log("warning", `The peer has given up: ${readTransferError(frame)}`);
        return this.close();
      default:
        this.#fail(frame, `session: filetransfer message type '${frame.type}' not supported`);
    }
  }

  /** The end of a file may be acknowledged twice: with its last piece, and by itself. */
  #acknowledge(frame: Frame): void {
    const offset = integerProperty(frame, "offset");
    if (this.#sender !== undefined) this.#sender.acknowledge(offset);
    else if (offset === undefined || offset !== this.#sentBytes) {
      this.#fail(frame, "no file transfer in progress");
    }
  }

  #stat(frame: Frame): void {
    const path = readPath(frame);
    const { info } = this.#parts.policy.forStat(path);
    const facts = {
      path,
      sizeBytes: info.sizeBytes,
      uid: info.uid,
      gid: info.gid,
      goMode: goFileMode(kindOf(info), info.mode),
      modifiedAtMs: Math.floor(info.modifiedAtMs),
    };
    this.#context.outbox.send(fileInfoFrame(this.#context.sessionId, facts));
  }

  #get(frame: Frame): void {
    this.#checkIdle();
    const asked = readPath(frame);
    const { path, info } = this.#parts.policy.forRead(asked);
    const handle = openForReading(this.#parts.files, path);
    if (handle.stat().identity !== info.identity) {
      handle.close();
      throw new SessionError(
        "session.bad-path",
        "failed to open file for reading: it was replaced",
      );
    }
    this.#log("info", `Sending ${JSON.stringify(asked)}`);
    this.#sender = new FileSender({
      request: frame,
      handle,
      outbox: this.#context.outbox,
      rate: this.#parts.sentRate,
      onEnd: (sentBytes, failure) => {
        this.#sender = undefined;
        this.#sentBytes = sentBytes;
        if (failure !== undefined) this.#fail(frame, failure);
      },
    });
    this.#sender.pump();
  }

  #put(frame: Frame): void {
    this.#checkIdle();
    const request = readPut(frame);
    const { policy, files, limits } = this.#parts;
    const target = policy.forWrite(request);
    this.#log("info", `Receiving ${JSON.stringify(target.path)}`);
    try {
      this.#receiver = new FileReceiver({
        ...this.#context,
        target,
        files,
        clock: this.#parts.clock,
        maxBytes: limits?.maxFileSizeBytes ?? 0,
        rate: this.#parts.receivedRate,
        onEnd: (last, failure) => {
          this.#receiver = undefined;
          if (failure !== undefined) this.#fail(last, failure);
        },
      });
    } catch (error) {
      throw new SessionError(
        "session.bad-path",
        `failed to create target file: failed to create file: ${messageOf(error)}`,
        { cause: error },
      );
    }
    this.#context.outbox.send(ackFrame(this.#context.sessionId, 0));
  }

  #checkIdle(): void {
    if (this.#sender === undefined && this.#receiver === undefined) return;
    throw new SessionError("session.busy", "another file transfer is in progress");
  }

  #fail(frame: Frame, text: string): void {
    this.#log("warning", `Error of a file transfer: ${text}`);
    this.#context.outbox.send(
      transferErrorFrame({ ...frame, sessionId: this.#context.sessionId }, text),
    );
  }

  #log(level: "info" | "warning", message: string): void {
    this.#context.logger.log(level, message, { session: this.#context.sessionId });
  }
}

function openForReading(files: FileDriver, path: string): ReturnType<FileDriver["open"]> {
  try {
    return files.open(path, "read");
  } catch (error) {
    const text = `failed to open file for reading: ${messageOf(error)}`;
    throw new SessionError("session.bad-path", text, { cause: error });
  }
}

function kindOf({ kind, special }: FileInfo): FileKind {
  return kind === "other" ? special ?? "character" : kind;
}
