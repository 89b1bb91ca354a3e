/**
 * A program that watches the daemon of its machine, or an application with a client in it, up to the end
 * of a deployment.
 *
 * Run: `deno run -A scripts/examples/follow_events.ts [root]`
 */
import process from "node:process";
import { followClient, isMenderError } from "../../mod.ts";

const [root = "/"] = process.argv.slice(2);

try {
  for await (const line of followClient({ root })) {
    if ("status" in line) console.log(line.status.isAuthorized ? "let in" : "not let in");
    else if (line.event.type === "phase") console.log(line.event.phase);
    else if (line.event.type === "outcome") {
      console.log(`ended: ${line.event.status}`);
      break;
    }
  }
} catch (error) {
  if (!isMenderError(error, "control.nobody")) throw error;
  console.log("no client runs");
}
