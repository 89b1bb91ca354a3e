/**
 * What a failure knows about being tried again: `never` (the same attempt must fail again),
 * `later` (the caller's usual schedule), or a wait in milliseconds that the server asked for.
 */
export type RetryAdvice = "never" | "later" | { readonly afterMs: number };

/** Optional parts of a {@link MenderError}. */
export interface MenderErrorOptions {
  /** The failure underneath; always kept. */
  cause?: unknown;
  /** What the user can do about it, as one sentence. */
  hint?: string;
  /** Whether trying again can help; `later` when absent. */
  retry?: RetryAdvice;
}

/**
 * Base of all errors that a caller may act on.
 *
 * `code` is stable: `<area>.<reason>`, for example `config.missing-server`. Compare codes, never
 * messages, and prefer {@link isMenderError} to `instanceof`: two copies of the package in one
 * process have two classes.
 */
export class MenderError extends Error {
  /** Stable machine-readable reason: area, dot, reason. */
  readonly code: string;
  /** What the user can do next; printed under the message. */
  readonly hint: string | undefined;
  /** Advice for the scheduler. */
  readonly retry: RetryAdvice;

  /** Makes an error; `message` is one sentence without a final dot. */
  constructor(code: string, message: string, options: MenderErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retry = options.retry ?? "later";
  }
}

/** A configuration file or option that cannot be used (`config.*`). */
export class ConfigError extends MenderError {}
/** A device key that cannot be read, made or used (`key.*`). */
export class KeyError extends MenderError {}
/** The identity of the device cannot be established (`identity.*`). */
export class IdentityError extends MenderError {}
/** The server did not authorise the device (`auth.*`). */
export class AuthError extends MenderError {}
/** A Device API call failed (`api.*`). */
export class ApiError extends MenderError {}
/** An Artifact could not be fetched (`download.*`). */
export class DownloadError extends MenderError {}
/** An Artifact is malformed, damaged or not for this device (`artifact.*`). */
export class ArtifactError extends MenderError {}
/** The sub-updater could not be started or reported on (`handoff.*`). */
export class HandoffError extends MenderError {}
/**
 * An Update Control Map or a policy breaks a rule, or is not in effect; or the daemon cannot be asked at its
 * control socket (`control.*`).
 */
export class ControlError extends MenderError {}
/** The D-Bus, or the program that was called over it, did not do what was asked (`bus.*`). */
export class BusError extends MenderError {}
/** A durable file cannot be read or written (`store.*`). */
export class StoreError extends MenderError {}
/** A session of the remote terminal could not do what its peer asked (`session.*`). */
export class SessionError extends MenderError {}
/** A runtime driver could not do what was asked (`runtime.*`). */
export class RuntimeError extends MenderError {}
/** A command line that cannot be understood (`usage.*`); exit code 2. */
export class UsageError extends MenderError {}

nameErrors({
  MenderError,
  ConfigError,
  KeyError,
  IdentityError,
  AuthError,
  ApiError,
  DownloadError,
  ArtifactError,
  HandoffError,
  ControlError,
  BusError,
  StoreError,
  SessionError,
  RuntimeError,
  UsageError,
});

/**
 * Gives errors the names of their classes, by which users and logs know them: a program that was made small
 * has other names for its classes.
 *
 * @param classes By name.
 */
export function nameErrors(classes: Readonly<Record<string, { readonly prototype: Error }>>): void {
  for (const [name, { prototype }] of Object.entries(classes)) prototype.name = name;
}

/**
 * Tells whether `error` is a {@link MenderError}, of the given code or area.
 *
 * @param code A whole code (`download.gave-up`), or an area with its dot (`download.`).
 */
export function isMenderError(error: unknown, code?: string): error is MenderError {
  if (!(error instanceof Error) || !("code" in error) || !("retry" in error)) return false;
  if (typeof error.code !== "string") return false;
  if (code === undefined) return true;
  return code.endsWith(".") ? error.code.startsWith(code) : error.code === code;
}

/** The message of anything that was thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : textOf(error);
  return text.replace(/\s*[\r\n]+\s*/g, " ").trim();
}

function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return typeof thrown; // an object that cannot be shown must not hide what went wrong
  }
}

/**
 * The messages of an error and of all its causes, outermost first, each once and on one line. One that the
 * message around it ends with is not repeated.
 */
export function causeChain(error: unknown): string[] {
  const lines: string[] = [];
  const seen = new Set<unknown>();
  const walk = (current: unknown): void => {
    if (current === undefined || current === null || seen.has(current) || lines.length >= 20) {
      return;
    }
    seen.add(current);
    const line = messageOf(current);
    if (line !== "" && !lines.some((known) => repeats(known, line))) lines.push(line);
    if (current instanceof AggregateError) { for (const inner of current.errors) walk(inner); }
    if (current instanceof Error) walk(current.cause);
  };
  walk(error);
  return lines;
}

function repeats(known: string, line: string): boolean {
  return known === line || known.endsWith(`: ${line}`);
}
