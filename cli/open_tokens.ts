import type { Config, ConnectConfig } from "../lib/config/mod.ts";
import { BusTokens } from "../lib/connect/bus_tokens.ts";
import { keyTokens, type TokenSource } from "../lib/connect/token_source.ts";
import { systemBusAddress } from "../lib/dbus/bus_address.ts";
import type { CommandContext } from "./command_context.ts";
import { openDevice } from "./open_device.ts";

/** A source of tokens that is in use. */
export interface OpenTokens {
  /** The tokens. */
  readonly tokens: TokenSource;
  /** Lets go of bus and key; settles once that is done. */
  close(): Promise<void>;
}

/**
 * Opens the source of tokens that `TokenSource` of mender-connect.conf names.
 *
 * @throws {ConfigError} The device's key is to be used, and no server is configured.
 * @throws {BusError} `bus.bad-address`: the bus is to be used, and its address cannot be.
 */
export async function openTokens(
  context: CommandContext,
  config: Config,
  source: ConnectConfig["tokenSource"],
): Promise<OpenTokens> {
  const { drivers, logger, redactor } = context;
  const address = source === "key"
    ? ""
    : systemBusAddress(drivers.self.env("DBUS_SYSTEM_BUS_ADDRESS"));
  const device = source === "bus" ? undefined : await openDevice(context, config);
  const fallback = device === undefined ? undefined : keyTokens(device);
  if (fallback !== undefined && source === "key") {
    return {
      tokens: fallback,
      close() {
        device?.close();
        return Promise.resolve();
      },
    };
  }
  const { clock, random } = drivers;
  const end = new AbortController();
  const tokens = new BusTokens({
    address,
    clock,
    random,
    logger,
    fallback,
    onToken: (token) => redactor.add(token),
  });
  const following = tokens.follow(end.signal);
  return {
    tokens,
    async close() {
      end.abort();
      await following;
      device?.close();
    },
  };
}
