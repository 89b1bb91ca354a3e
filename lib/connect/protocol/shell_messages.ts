/**
 * Terminals.
 *
 * @see contracts/connect-protocol.md section 6
 * @module
 */
import { type Frame, type FrameInit, integerProperty, PROTOCOLS } from "./frame.ts";
import { int64, type WireValue } from "./wire_value.ts";

/** `props.status`. */
export const SHELL_STATUS = { normal: 1, error: 2, control: 3 } as const;

/** Columns and rows of a terminal. */
export interface TerminalSize {
  /** Columns, 1 to 65535. */
  readonly columns: number;
  /** Rows, 1 to 65535. */
  readonly rows: number;
}

/**
 * A message of the device: `new`, `shell`, `stop`, or the type of a message that is refused. `status` is written as int64: mender-cli 1.9.0 understands no other form.
 */
export function shellFrame(
  type: string,
  sessionId: string,
  body: Uint8Array | string = "",
  status: number = SHELL_STATUS.normal,
): FrameInit {
  return {
    protocol: PROTOCOLS.shell,
    type,
    sessionId,
    properties: { status: int64(status) },
    body,
  };
}

/**
 * `ping` of the device: a peer that hears nothing for `timeoutSeconds` may take the device for lost.
 */
export function shellPingFrame(sessionId: string, timeoutSeconds: number): FrameInit {
  const properties: Record<string, WireValue> = {
    timeout: int64(timeoutSeconds),
    status: int64(SHELL_STATUS.control),
  };
  return { protocol: PROTOCOLS.shell, type: "ping", sessionId, properties };
}

/** The size that a `new` or `resize` names; `undefined` unless both numbers are there and usable. */
export function readTerminalSize(frame: Frame): TerminalSize | undefined {
  const columns = integerProperty(frame, "terminal_width");
  const rows = integerProperty(frame, "terminal_height");
  const isUsable = (size: number | undefined): size is number =>
    size !== undefined && size > 0 && size <= 0xffff;
  return isUsable(columns) && isUsable(rows) ? { columns, rows } : undefined;
}
