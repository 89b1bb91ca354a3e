/**
 * What the device says about itself, by scripts of the integrator: the identity, by which the server
 * knows it, and the inventory, which may change at any time. Nothing here talks to the server.
 *
 * @module
 */
import { IdentityError } from "../core/errors.ts";
import type { Attributes } from "../core/key_value.ts";
import type { Logger } from "../core/logger.ts";
import type { FileDriver } from "../runtime/files/file_driver.ts";
import type { ProcessDriver } from "../runtime/processes/process_driver.ts";
import { runKeyValueScript } from "./key_value_script.ts";
import { type IdentityForm, parseIdentity } from "./parse_identity.ts";

/** Time limit of the identity script, that of mender-python-client. */
export const IDENTITY_TIMEOUT_MS = 100_000;

/** How the identity is asked for. */
export interface ReadIdentityOptions {
  /** Files of the machine. */
  readonly files: FileDriver;
  /** Starts the script. */
  readonly processes: ProcessDriver;
  /** The identity script. */
  readonly script: string;
  /** In which form the identity will be written; it also rules how blanks are read. */
  readonly form: IdentityForm;
  /** Hears of lines that are not understood. */
  readonly logger: Logger;
  /** Time limit, {@link IDENTITY_TIMEOUT_MS} when absent. */
  readonly timeoutMs?: number;
  /** Ends the script early. */
  readonly signal?: AbortSignal;
}

/**
 * Asks the identity script who this device is.
 *
 * @returns At least one attribute.
 * @throws {IdentityError} `identity.no-script`, `identity.not-executable`, `identity.empty`, and what
 * `runKeyValueScript` throws. A device without an identity cannot be authorised, so nothing is made up.
 */
export async function readIdentity(options: ReadIdentityOptions): Promise<Attributes> {
  const { files, script, logger } = options;
  if (files.stat(script, { follow: true })?.kind !== "file") {
    throw new IdentityError("identity.no-script", `Cannot run ${script}: there is no such file`, {
      hint: "Install a program there that prints lines such as mac=02:11:22:33:44:55",
    });
  }
  if (!files.isExecutable(script)) {
    throw new IdentityError("identity.not-executable", `Cannot run ${script}: not executable`, {
      hint: `Run chmod 755 ${script}`,
    });
  }
  const text = await runKeyValueScript({
    processes: options.processes,
    path: script,
    timeoutMs: options.timeoutMs ?? IDENTITY_TIMEOUT_MS,
    logger,
    ...(options.signal !== undefined && { signal: options.signal }),
  });
  const { attributes, badLines } = parseIdentity(text, options.form);
  if (badLines.length > 0) {
    logger.log("warning", `${script} printed ${badLines.length} lines without "="; left out`);
  }
  if (attributes.size > 0) return attributes;
  throw new IdentityError("identity.empty", `Cannot use ${script}: it printed no key=value line`);
}
