/** A program that crashes in the way that its argument names. */
import process from "node:process";
import { hostDrivers } from "../../lib/runtime/host.ts";

const { self } = await hostDrivers();
self.onCrash((error) =>
  self.writeError(`told: ${error instanceof Error ? error.message : error}\n`)
);
if ("Deno" in globalThis) addEventListener("unload", giveBack);
else process.on("exit", giveBack);
if (self.args[0] === "rejects") void Promise.reject(new Error("nobody waits"));
else {
  setTimeout(() => {
    throw new Error("nobody catches");
  }, 0);
}
setTimeout(() => self.writeError("still here\n"), 10_000);

function giveBack(): void {
  self.writeError("terminal given back\n");
}
