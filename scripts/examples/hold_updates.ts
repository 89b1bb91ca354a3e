/**
 * An application that lets updates pass only while it is not busy: it holds them at all points, lets the
 * one that is held be installed when its work is done, and gives the control back when it ends.
 *
 * Run as root beside a Mender client: `deno run -A scripts/examples/hold_updates.ts`
 */
import { CONTROL_STATES, isMenderError, UpdateFlow } from "../../mod.ts";

// An ID of the application's own; without one it is that of the device, shared with the command `flow`.
const id = "5b1c8a52-6f0e-4d0b-9d2c-3a4f1f0e7b21";
const flow = await UpdateFlow.connect({ id, onExpire: "continue" });

// Failures are told here too, for as long as they last.
const watching = (async () => {
  for await (const { name, reason } of flow.states()) {
    console.log(reason === undefined ? name : `${name}: ${reason.message}`);
  }
})();

try {
  await flow.pauseAll();
  console.log("busy: updates are held");

  await importantWork();

  for (const state of CONTROL_STATES) {
    await flow.continueOnce(state);
    console.log(`one update may pass ${state}`);
  }
} catch (error) {
  if (!isMenderError(error)) throw error;
  console.log(`no control: ${error.code}`);
} finally {
  await flow.close({ clear: true });
  await watching;
}

/** Stands for what must not be disturbed. */
function importantWork(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}
