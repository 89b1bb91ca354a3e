import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { peer } from "./peers.ts";
import { waitUntil } from "./wait.ts";

/** What a test that receives messages for a service manager needs. */
export const notifyPeer = peer("systemd-socket-activate", "apt-get install systemd");

/** A datagram socket in the place of systemd's. */
export interface NotifyReceiver {
  /** For `NOTIFY_SOCKET`. */
  readonly path: string;
  /** The assignments that came, in order. */
  messages(): string[];
}

/** Runs a test body with a receiver: neither runtime can make a unix datagram socket itself. */
export async function withNotifyReceiver<T>(
  directory: string,
  body: (receiver: NotifyReceiver) => Promise<T>,
): Promise<T> {
  const [path, output] = [join(directory, "notify"), join(directory, "notified")];
  // Each datagram is followed by one of a barrier, which tells them apart.
  const program = ["--datagram", "-l", path, "sh", "-c", `exec cat <&3 >'${output}'`];
  const child = spawn("systemd-socket-activate", program, { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => {
    for (const end of ["exit", "error"]) child.once(end, () => resolve());
  });
  try {
    await waitUntil("the receiver", () => existsSync(path));
    return await body({
      path,
      messages: () =>
        existsSync(output)
          ? readFileSync(output, "utf8").split(/\n|BARRIER=1/).filter((line) => line !== "")
          : [],
    });
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}
