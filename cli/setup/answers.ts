import { requireServers } from "../../lib/config/mod.ts";
import { normalServerUrl } from "../../lib/config/server_url.ts";
import { UsageError } from "../../lib/core/errors.ts";
import { readText } from "../../lib/runtime/files/file_driver.ts";
import { readDeviceType } from "../../lib/store/device_type.ts";
import { inspectConfig } from "../../lib/config/mod.ts";
import type { CommandContext } from "../command_context.ts";

/** Options that `setup` can also ask for. */
export interface AskedOptions {
  readonly serverUrl?: string | undefined;
  readonly tenantTokenFile?: string | undefined;
  readonly deviceType?: string | undefined;
}

/** What `setup` knows of the device once everything is asked; `undefined`: as it is. */
export interface SetupAnswers {
  /** Base URL of the server. */
  readonly serverUrl: string | undefined;
  /** Tenant token. */
  readonly tenantToken: string | undefined;
  /** Type of the device. */
  readonly deviceType: string | undefined;
}

/** What is asked, one line at a time. */
type Ask = (question: string, standing: string) => Promise<string>;

/** Longest token that is read; those of the hosted server have some 500 bytes. */
const MAX_TOKEN_BYTES = 16384;

/**
 * Takes what the options say, asks at a terminal for what they leave open, and keeps what the device has.
 *
 * @throws {UsageError} `usage.setup`: something is missing, and there is nobody to ask.
 */
export async function setupAnswers(
  context: CommandContext,
  options: AskedOptions,
): Promise<SetupAnswers> {
  const { drivers, paths } = context;
  const { config } = inspectConfig({ files: drivers.files, paths });
  const type = readDeviceType(drivers.files, config.deviceTypeFile);
  let { serverUrl, tenantTokenFile, deviceType } = options;
  if (drivers.self.isInputTerminal() && drivers.self.terminalColumns("stdout") !== undefined) {
    const lines = drivers.self.inputLines(context.signal)[Symbol.asyncIterator]();
    const ask = questioner(context, lines);
    serverUrl ??= await ask("Address of the server", config.servers[0] ?? "");
    tenantTokenFile ??= await ask(
      `File with the tenant token${config.tenantToken === undefined ? "" : ", if it changes"}`,
      "",
    );
    deviceType ??= await ask("Device type", type.deviceType ?? "");
    await lines.return?.();
  }
  if (!serverUrl && config.servers.length === 0) missing("--server-url", "the server's address");
  if (!deviceType && type.deviceType === undefined) missing("--device-type", "the device type");
  if (!serverUrl) requireServers(config);
  return {
    serverUrl: serverUrl ? checkedServer(serverUrl) : undefined,
    tenantToken: tenantTokenFile ? await readToken(context, tenantTokenFile) : undefined,
    deviceType: deviceType ? checkedDeviceType(deviceType) : undefined,
  };
}

function questioner({ drivers, signal }: CommandContext, lines: AsyncIterator<string>): Ask {
  return async (question, standing) => {
    drivers.self.writeOut(`${question}${standing === "" ? "" : ` [${standing}]`}: `);
    const { value, done } = await lines.next();
    signal.throwIfAborted();
    if (done === true) throw new UsageError("usage.setup", "Cannot set up: the input has ended");
    return value.trim();
  };
}

async function readToken(context: CommandContext, path: string): Promise<string> {
  const { drivers, redactor, signal } = context;
  const text = path === "-"
    ? new TextDecoder().decode(await drivers.self.readInput(MAX_TOKEN_BYTES, signal))
    : readText(drivers.files, path, MAX_TOKEN_BYTES, { follow: true });
  const token = text?.trim() ?? "";
  redactor.add(token);
  if (/^[\w.~+/=-]+$/.test(token)) return token;
  const where = path === "-" ? "standard input" : path;
  throw new UsageError("usage.setup", `Cannot find a tenant token in ${where}`);
}

function checkedServer(text: string): string {
  const checked = normalServerUrl(text);
  if (!("reason" in checked)) return checked.url;
  throw new UsageError("usage.setup", `Cannot use the server "${text}": ${checked.reason}`);
}

function checkedDeviceType(text: string): string {
  if (/^[^\s=]+$/.test(text)) return text;
  throw new UsageError("usage.setup", `Cannot use the device type "${text}": wanted one word`);
}

function missing(option: string, what: string): never {
  throw new UsageError("usage.setup", `Cannot set up: ${what} is not known`, {
    hint: `Give ${option}, or run setup at a terminal`,
  });
}
