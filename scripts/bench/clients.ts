import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RIG_DEVICE_TYPE, withRig } from "../../tests/support/client_rig.ts";
import { prepareMender, withMenderDaemon } from "../../tests/support/mender_namespace.ts";
import { inTemporaryDirectory } from "../../tests/support/temporary.ts";
import { waitUntil } from "../../tests/support/wait.ts";
import { withPythonClient } from "./python_client.ts";
import { type Shipped, shippedDaemon } from "./shipped.ts";

/** Longest time for one update. */
const UPDATE_LIMIT_MS = 600_000;

/** How an Update Module gets its payload. */
export type PayloadWay = keyof typeof DOWNLOAD_STATES;

/** What the module does when it is called for the download. */
const DOWNLOAD_STATES = {
  /** Takes the stream, as a module that writes to a partition does: `cat` moves it, no shell. */
  stream: `while stream=$(cat stream-next) && [ -n "$stream" ]; do
    cat "$stream" > "files-\${stream##*/}"
  done`,
  /** Lets mender store it. */
  files: ":",
} as const;

/** A daemon that runs, without anything to do so far. */
export interface WaitingClient {
  /** Its process. */
  readonly pid: number;
  /** Waits until what was deployed is with its installer; when that was, in milliseconds since 1970. */
  installing(): Promise<number>;
}

/** Ours, which can be asked as well. */
export interface OurClient extends WaitingClient {
  /** Its control socket. */
  readonly controlSocket: string;
}

/** The inventory is sent once, so that polls are all that an idle client does. */
const SETTINGS = { InventoryPollIntervalSeconds: 3600 };

/** What is run with a client. */
type Body<T> = (client: WaitingClient) => Promise<T>;

/**
 * Our daemon, fresh and with the permissions of a service.
 *
 * @param form What is run; absent: what devices have.
 */
export function withOurs<T>(
  serverUrl: string,
  body: (client: OurClient) => Promise<T>,
  form: Shipped = shippedDaemon(),
): Promise<T> {
  // Each run is a device of its own: the server lets nobody in with a second key.
  const identity = `echo mac=${randomUUID()}`;
  return withRig(
    { serverUrl, identity, limitMs: UPDATE_LIMIT_MS, config: SETTINGS, ...form },
    async (rig) => {
      const stamp = join(rig.root, "stamp");
      rig.script(rig.paths.installScript, noteTime(stamp));
      const { child, output } = rig.start("daemon", "--stay");
      try {
        const { controlSocket } = rig.paths;
        return await body({ pid: child.pid ?? 0, controlSocket, installing: () => timeIn(stamp) });
      } catch (error) {
        throw new Error(`mender-deno said:\n${output().slice(-8000)}`, { cause: error });
      }
    },
  );
}

/** The real client, with an Update Module that has its payload stored; nothing is synced. */
export function withMender<T>(serverUrl: string, way: PayloadWay, body: Body<T>): Promise<T> {
  return inTemporaryDirectory((dir) => {
    const stamp = join(dir, "stamp");
    const module = `case "$1" in
  Download) ${DOWNLOAD_STATES[way]} ;;
  ArtifactInstall) ${noteTime(stamp)} ;;
esac`;
    const rig = prepareMender({
      dir,
      serverUrl,
      artifactName: "release-1",
      deviceType: RIG_DEVICE_TYPE,
      mac: randomUUID(),
      modules: { acme: module },
      config: SETTINGS,
    });
    return withMenderDaemon(rig, (pid) => body({ pid, installing: () => timeIn(stamp) }));
  });
}

/** mender-python-client; the checksum that it does not look at is taken when it hands the Artifact over. */
export function withPython<T>(serverUrl: string, body: Body<T>): Promise<T> {
  return inTemporaryDirectory((dir) => {
    const stamp = join(dir, "stamp");
    const install = `sha256sum "$1" > /dev/null\n${noteTime(stamp)}`;
    return withPythonClient(
      serverUrl,
      install,
      (pid) => body({ pid, installing: () => timeIn(stamp) }),
    );
  });
}

function noteTime(path: string): string {
  return `date +%s%N > ${path}.new && mv ${path}.new ${path}`;
}

async function timeIn(path: string): Promise<number> {
  await waitUntil("the installer", () => existsSync(path), UPDATE_LIMIT_MS);
  return Number(readFileSync(path, "utf8")) / 1e6;
}
