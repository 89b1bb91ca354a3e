/** A part of stored bytes that is sent as it is read. */
export interface BodySource {
  /** Bytes that will be sent. */
  readonly sizeBytes: number;
  /** Reads up to `length` bytes at an offset of the part; never past its end. */
  read(offset: number, length: number): Uint8Array;
}

/** Bytes that are sent as they come. What it throws cuts the connection. */
export interface BodyStream {
  /** Bytes that will come. */
  readonly sizeBytes: number;
  /** The bytes; left early when the client is gone. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What a route answers; sent once the state of the server is safe on disk. */
export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** Headers besides those that every answer has. */
  readonly headers: Readonly<Record<string, string>>;
  /** Text, stored bytes, or bytes that come from elsewhere. */
  readonly body: string | BodySource | BodyStream;
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: Record<string, string> = {}): Answer {
  return { status, headers, body: "" };
}

/** An answer in JSON. */
export function jsonAnswer(
  value: unknown,
  status = 200,
  headers: Record<string, string> = {},
): Answer {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(value),
  };
}

/** An answer in any kind of text. */
export function textAnswer(text: string, contentType: string, status = 200): Answer {
  return { status, headers: { "content-type": contentType }, body: text };
}
