/** Holds each path that it is told on a line, and says how that went. A program of its own. */
import { createInterface } from "node:readline";
import process from "node:process";
import { guardInstance } from "../../lib/daemon/instance_guard.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";

const drivers = await hostDrivers();
for await (const path of createInterface({ input: process.stdin })) {
  const result = await guardInstance(drivers, path, {
    role: "daemon",
    pid: drivers.self.pid,
    handler: () => ({ ok: true }),
    logger: { log() {} },
    signal: new AbortController().signal,
  }).then(() => "holds", (error) => error.code);
  drivers.self.writeOut(result + "\n");
}
drivers.self.exit(0);
