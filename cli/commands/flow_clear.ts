import { deletionOf } from "../../lib/control/control_map.ts";
import { LOCAL_PRIORITY } from "../../lib/control/map_order.ts";
import type { CommandContext } from "../command_context.ts";
import { type MapOwnerOptions, ownerFrom } from "../flow/map_source.ts";
import { openReceiver } from "../flow/open_flow.ts";

/** Options of `flow clear`. */
export interface FlowClearOptions extends MapOwnerOptions {
  readonly json?: true | undefined;
}

/** Deletes the map of an ID and priority now. */
export async function flowClear(
  context: CommandContext,
  options: FlowClearOptions,
): Promise<number> {
  const { id, priority = LOCAL_PRIORITY } = await ownerFrom(context, options);
  const receiver = openReceiver(context);
  try {
    const delivery = await receiver.setMap(deletionOf({ id, priority }), context.signal);
    if (delivery.type !== "accepted") throw delivery.reason;
    context.drivers.self.writeOut(
      options.json === true
        ? `${JSON.stringify({ cleared: { id, priority } })}\n`
        : `Cleared: the map ${id} with priority ${priority}\n`,
    );
    return 0;
  } finally {
    await receiver.close();
  }
}
