/**
 * An application with a client in it, as a process of its own. Arguments: the root directory, and what it
 * does. `hang`: its installation never ends. `resume`: it goes on with what was interrupted; without an
 * installation it hangs as well. `quiet`: it polls once, and tells what it has changed about the process.
 * Each call of the application is a line of `calls` in the root directory.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { MenderClient } from "../../mod.ts";

const [root = "", what = ""] = process.argv.slice(2);
const note = (call: string): void => appendFileSync(join(root, "calls"), `${call}\n`);
const signals = ["SIGHUP", "SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2", "exit", "unhandledRejection"];
const state = (): string => JSON.stringify(signals.map((signal) => process.listenerCount(signal)));
const [before, fetchBefore] = [state(), globalThis.fetch];

const client = await MenderClient.start({
  root,
  onDeployment: async () => {
    note("install");
    await new Promise(() => {});
  },
  ...(what === "resume" && { onResume: () => note("resume") }),
});
for await (const event of client.events()) {
  if (what === "quiet" && event.type === "polled") break;
  if (event.type === "phase" && event.phase === "acknowledged") break;
}
const isUntouched = before === state() && fetchBefore === globalThis.fetch;
await client.close();
if (what === "quiet") console.log(isUntouched ? "untouched" : `${before} ${state()}`);
