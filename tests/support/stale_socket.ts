import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { waitUntil } from "./wait.ts";

const LISTEN =
  `import { createServer } from "node:net"; createServer().listen(process.env.SOCKET);`;

/** Leaves a socket file behind as a killed daemon does: bound once, nobody listens. */
export async function leaveStaleSocket(path: string): Promise<void> {
  // A runtime that lives on removes the file when it stops listening: only a killed one leaves it.
  const args = "Deno" in globalThis
    ? ["eval", `import process from "node:process"; ${LISTEN}`]
    : ["--input-type=module", "--eval", LISTEN];
  const owner = spawn(process.execPath, args, {
    env: { ...process.env, SOCKET: path },
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => owner.once("exit", resolve));
  await waitUntil("the socket", () => existsSync(path));
  owner.kill("SIGKILL");
  await ended;
}
