/** A program that crashes in the way that its argument names. */
import process from "node:process";
import { onCrash } from "../../lib/runtime/last_words.ts";
import { writeWhole } from "../../lib/runtime/write_whole.ts";

onCrash((error) => writeWhole(2, `told: ${error instanceof Error ? error.message : error}\n`));
process.on("exit", () => writeWhole(2, "terminal given back\n"));
if (process.argv[2] === "rejects") void Promise.reject(new Error("nobody waits"));
else {
  setTimeout(() => {
    throw new Error("nobody catches");
  }, 0);
}
setTimeout(() => writeWhole(2, "still here\n"), 10_000);
