import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadConnectConfig, wellKnownPaths } from "../../lib/config/mod.ts";
import type { DaemonWaker } from "../../lib/connect/mender_client.ts";
import { runRemoteAccess } from "../../lib/connect/remote_access.ts";
import type { TokenSource } from "../../lib/connect/token_source.ts";
import type { Frame } from "../../lib/connect/protocol/internal.ts";
import type { Drivers } from "../../lib/runtime/drivers.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";
import type { MenderServer, RemoteSession } from "../../lib/testing/mod.ts";
import { type LogRecorder, logRecorder } from "./log_recorder.ts";
import { inTemporaryDirectory } from "./temporary.ts";
import { waitUntil } from "./wait.ts";
import { acceptedDevice, withServer } from "./with_server.ts";

/** Everything switched on, for as many sessions as there may be. */
export const EVERYTHING = {
  RemoteTerminal: true,
  ShellCommand: "/bin/sh",
  ShellArguments: [],
  Sessions: { MaxPerUser: 16 },
  FileTransfer: { Disable: false },
  PortForward: { Disable: false },
  MenderClient: { Disable: false },
} as const;

/** What may be different about a device under test. */
export interface RemoteAccessRigOptions {
  /** Keys of mender-connect.conf; {@link EVERYTHING} when absent. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Puts other drivers in the place of some of the machine's. */
  readonly drivers?: (drivers: Drivers) => Drivers;
  /** Whether the server speaks https. */
  readonly tls?: boolean;
  readonly waker?: DaemonWaker;
  readonly tokens?: (token: string, server: MenderServer) => TokenSource;
  /** Whether the test waits for the connection itself. */
  readonly isPatient?: boolean;
}

/** A device that runs in this process, at a server of ours. */
export interface RemoteAccessRig {
  readonly server: MenderServer;
  readonly deviceId: string;
  /** A directory for the test. */
  readonly dir: string;
  readonly logger: LogRecorder;
  /** Opens a session with the device. */
  open(): RemoteSession;
  /** Ends remote access as the program does, and waits for that. */
  stop(): Promise<void>;
}

/** Runs a test body with a device whose remote access runs. */
export function withRemoteAccess(
  options: RemoteAccessRigOptions,
  body: (rig: RemoteAccessRig) => Promise<void>,
): Promise<void> {
  return inTemporaryDirectory((dir) =>
    withServer({ tls: options.tls === true }, async (server) => {
      const host = await hostDrivers();
      const drivers = options.drivers?.(host) ?? host;
      const { token, id } = await deviceToken(server);
      const logger = logRecorder();
      const controller = new AbortController();
      const paths = { ...wellKnownPaths(), connectConfig: join(dir, "mender-connect.conf") };
      writeFileSync(paths.connectConfig, JSON.stringify(options.config ?? EVERYTHING));
      const running = runRemoteAccess({
        drivers,
        config: loadConnectConfig({ files: drivers.files, paths, logger }),
        tokens: options.tokens?.(token, server) ?? {
          current: () => Promise.resolve({ token, serverUrl: server.url }),
          refused: () => {},
          changes: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) },
        },
        http: server.caCertificate === undefined ? {} : { caCertificates: [server.caCertificate] },
        logger,
        waker: options.waker,
      }, controller.signal);
      const stop = async (): Promise<void> => {
        controller.abort();
        await running;
      };
      try {
        if (options.isPatient !== true) {
          await waitUntil("the connection", () => server.isConnected(id));
        }
        await body({ server, deviceId: id, dir, logger, open: () => server.openSession(id), stop });
      } catch (error) {
        throw new Error(
          `${error instanceof Error ? error.stack : error}\nlog:\n${logger.all().slice(-3000)}`,
          {
            cause: error,
          },
        );
      } finally {
        await stop();
      }
    })
  );
}

async function deviceToken(server: MenderServer): Promise<{ token: string; id: string }> {
  if (server.caCertificate === undefined) {
    const { device, id } = await acceptedDevice(server);
    return { token: device.token, id };
  }
  // This process does not trust the server: the device asks through a client that does.
  const { http } = await hostDrivers();
  const client = await http({ caCertificates: [server.caCertificate] });
  try {
    const { makeDeviceKey, signBody } = await import("./raw_device.ts");
    const key = makeDeviceKey("ed25519");
    const text = JSON.stringify({ id_data: '{"mac":"02:00:00:00:00:01"}', pubkey: key.publicPem });
    const ask = async (): Promise<string> => {
      const answer = await client.send({
        method: "POST",
        url: `${server.url}/api/devices/v1/authentication/auth_requests`,
        headers: { "content-type": "application/json", "x-men-signature": signBody(key, text) },
        body: new TextEncoder().encode(text),
        signal: new AbortController().signal,
      });
      return await new Response(answer.body).text();
    };
    await ask();
    const id = server.devices()[0]!.id;
    server.acceptDevice(id);
    return { token: await ask(), id };
  } finally {
    client.close();
  }
}

/** A terminal that a test types into. */
export class TestTerminal {
  readonly session: RemoteSession;
  /** Everything but output, in order. */
  readonly others: Frame[] = [];
  /** Bytes that were written so far. */
  size = 0;
  readonly #chunks: Uint8Array[] = [];
  readonly #reading: Promise<void>;

  constructor(session: RemoteSession, properties: Readonly<Record<string, number>> = {}) {
    this.session = session;
    session.send({ protocol: 1, type: "new", properties });
    this.#reading = this.#read();
  }

  /** Settles when the session has ended at the server: it was closed, or the device is gone. */
  get ended(): Promise<void> {
    return this.#reading;
  }

  /** Everything that was written so far. */
  get bytes(): Uint8Array {
    const whole = new Uint8Array(this.#chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  /** The same as text. */
  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Types. */
  type(text: string): void {
    this.session.send({ protocol: 1, type: "shell", body: text });
  }

  /** Waits until the output matches. */
  seen(pattern: RegExp, timeoutMs = 20_000): Promise<RegExpExecArray> {
    return waitUntil(
      `${pattern} in ${JSON.stringify(this.text.slice(-300))}`,
      () => pattern.exec(this.text),
      timeoutMs,
    );
  }

  /** The next message of a type, now or later. */
  async answer(type: string, timeoutMs = 20_000): Promise<Frame> {
    return await waitUntil(
      type,
      () => this.others.find((frame) => frame.type === type),
      timeoutMs,
    );
  }

  /** Ends the session at the server. */
  async close(): Promise<void> {
    this.session.close();
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const frame of this.session.frames) {
      if (frame.type === "shell" && frame.body.length > 0 && frame.properties.size > 0) {
        this.#chunks.push(frame.body);
        this.size += frame.body.length;
      } else this.others.push(frame);
    }
  }
}
