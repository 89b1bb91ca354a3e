import type { OrderOptions } from "../../lib/control/map_order.ts";
import { systemBusAddress } from "../../lib/dbus/bus_address.ts";
import { BusMapReceiver } from "../../lib/flow/bus_map_receiver.ts";
import type { FileDriver } from "../../lib/runtime/files/file_driver.ts";
import { UpdateFlow } from "../../lib/flow/update_flow.ts";
import type { CommandContext } from "../command_context.ts";
import { type ClosableReceiver, EitherReceiver } from "./either_receiver.ts";

/**
 * The Mender client on the system bus, or our daemon at its control socket where the bus leads to none;
 * the caller closes it.
 */
export function openReceiver({ drivers, paths }: CommandContext): ClosableReceiver {
  const { clock, files, self, sockets } = drivers;
  const bus = new BusMapReceiver({
    clock,
    address: systemBusAddress(self.env("DBUS_SYSTEM_BUS_ADDRESS")),
  });
  return new EitherReceiver(bus, async () => {
    if (!isThere(files, paths.controlSocket)) return undefined;
    const { SocketMapReceiver } = await import("../../lib/daemon/socket_map_receiver.ts");
    return new SocketMapReceiver({ sockets, clock }, paths.controlSocket);
  });
}

/** For other users than root, who may look for it but not see it, there is none. */
function isThere(files: FileDriver, path: string): boolean {
  try {
    return files.stat(path) !== undefined;
  } catch {
    return false;
  }
}

/** Control of the updates by maps of this owner; the caller closes it. */
export function openFlow(context: CommandContext, order: OrderOptions): UpdateFlow {
  const { clock, random } = context.drivers;
  const receiver = openReceiver(context);
  return new UpdateFlow({
    receiver,
    clock,
    random: random.next,
    order,
    onClose: () => receiver.close(),
  });
}
