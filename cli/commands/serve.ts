import { UsageError } from "../../lib/core/errors.ts";
import { isLoopback } from "../../lib/core/loopback.ts";
import { readText } from "../../lib/runtime/files/file_driver.ts";
import { fileReason } from "../../lib/runtime/files/file_reason.ts";
import { startServer } from "../../lib/testing/mod.ts";
import type { CommandContext } from "../command_context.ts";

/** Options of `serve`. */
export interface ServeOptions {
  readonly listen: string;
  readonly tls?: true | undefined;
  readonly dir?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly autoAccept?: true | undefined;
}

/** Runs the embedded server until it is interrupted. */
export async function serve(context: CommandContext, options: ServeOptions): Promise<number> {
  const { drivers, logger, signal } = context;
  const { host, port } = parseListen(options.listen);
  const password = readPassword(context, options.passwordFile);
  if (password === undefined && !isLoopback(host)) {
    throw new UsageError("usage.serve", `Cannot listen on ${host} without a password`, {
      hint: "Give one with --password-file, or listen on 127.0.0.1",
    });
  }
  const server = await startServer({
    drivers,
    host,
    port,
    logger,
    tls: options.tls === true,
    autoAccept: options.autoAccept === true,
    ...(options.dir !== undefined && { dir: options.dir }),
    ...(password !== undefined && { password }),
  });
  const shown = password === undefined ? `, password ${server.password}` : "";
  drivers.self.writeOut(`Serving on ${server.url} (user ${server.user}${shown}); Ctrl-C ends\n`);
  if (server.caCertificate !== undefined) {
    drivers.self.writeOut(`Devices must trust this CA:\n${server.caCertificate}`);
  }
  try {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    return 0;
  } finally {
    await server.close();
  }
}

function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:(\[[0-9a-fA-F:]+\]|[^:]+):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? NaN);
  if (match === null || port > 65535) {
    throw new UsageError("usage.serve", `Cannot listen on "${text}": wanted HOST:PORT`);
  }
  return { host: (match[1] ?? "127.0.0.1").replace(/^\[|\]$/g, ""), port };
}

function readPassword(context: CommandContext, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  let why = "there is no such file";
  try {
    const text = readText(context.drivers.files, path, 4096, { follow: true })?.trim();
    if (text !== undefined && text !== "") return text;
    if (text === "") why = "it is empty";
  } catch (error) {
    why = fileReason(error);
  }
  throw new UsageError("usage.serve", `Cannot find a password in ${path}: ${why}`);
}
