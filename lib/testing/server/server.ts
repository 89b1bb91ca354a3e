import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readVerifyKeys } from "../../artifact/mod.ts";
import { ConfigError } from "../../core/errors.ts";
import { isLoopback } from "../../core/loopback.ts";
import { silentLogger } from "../../core/logger.ts";
import type { Drivers } from "../../runtime/drivers.ts";
import { hostDrivers } from "../../runtime/host.ts";
import { listenHttp } from "../../runtime/http/http_server.ts";
import { storeFailure } from "../../store/store_failure.ts";
import { dispatch, type DispatchParts } from "./dispatch.ts";
import { Journal } from "./journal.ts";
import type { MenderServer } from "./mender_server.ts";
import { ArtifactShelf } from "./records/artifact_shelf.ts";
import { directoryContent, memoryContent } from "./records/content_store.ts";
import { DeploymentBook } from "./records/deployment_book.ts";
import { DeviceRegistry } from "./records/device_registry.ts";
import { DownloadLinks } from "./records/download_links.ts";
import { DeviceLinks } from "./remote/device_links.ts";
import { dispatchUpgrade } from "./remote/upgrade_dispatch.ts";
import { StateFile } from "./records/state_file.ts";
import { TokenOffice } from "./records/token_office.ts";
import type { ServerContext } from "./server_context.ts";
import { makeHandle } from "./server_handle.ts";
import type { ServerOptions } from "./server_options.ts";

const WEEK_SECONDS = 604_800;
const DAY_SECONDS = 86_400;

/**
 * Starts a Mender server: strict towards devices, complete enough for `mender`, `mender-cli` and a
 * fleet on a desk. Not for the internet.
 *
 * @throws {ConfigError} `config.password-needed` to listen beyond loopback without a password.
 * @throws {StoreError} `store.bad-state` when `dir` holds something else; it cannot be made or read.
 * @throws {RuntimeError} `runtime.cannot-listen`.
 */
export async function startServer(options: ServerOptions = {}): Promise<MenderServer> {
  const { dir, host = "127.0.0.1", logger = silentLogger } = options;
  const drivers = options.drivers ?? await hostDrivers();
  if (!isLoopback(host) && options.password === undefined) {
    throw new ConfigError(
      "config.password-needed",
      `Cannot listen on ${host}: beyond loopback the management user needs a password`,
      { hint: "Set a password, or listen on 127.0.0.1", retry: "never" },
    );
  }
  if (dir !== undefined) prepareDirectory(drivers, dir);
  let authority = "";
  const password = options.password ?? randomBytes(12).toString("base64url");
  const journal = new Journal(drivers.clock, options.maxJournalEntries ?? 10_000);
  const context = makeContext(options, drivers, password, () => authority, journal);
  const tls = options.tls === true
    ? (await import("./tls/server_identity.ts")).makeServerIdentity(drivers, dir, host)
    : undefined;
  let intercept = options.intercept;
  const parts: DispatchParts = {
    context,
    journal,
    logger,
    makeId: drivers.random.uuid,
    interceptor: () => intercept,
  };
  const http = await listenHttp({
    host,
    port: options.port ?? 0,
    tls,
    onExchange: (exchange) => dispatch(parts, exchange),
    onUpgrade: (upgrade) => dispatchUpgrade(parts, upgrade),
    onError: (error) => logger.log("error", "Cannot serve a connection", {}, error),
  });
  authority = `${host.includes(":") ? `[${host}]` : host}:${http.port}`;
  context.file.flush();
  return makeHandle({
    context,
    journal,
    password,
    url: `${context.settings.scheme}://${authority}`,
    caCertificate: tls?.caCertificate,
    setInterceptor: (next) => intercept = next,
    close: () => http.close(),
  });
}

function prepareDirectory({ files }: Drivers, path: string): void {
  try {
    files.makeDirectory(path);
  } catch (error) {
    throw storeFailure("make the directory of the server", path, error);
  }
}

function makeContext(
  options: ServerOptions,
  drivers: Drivers,
  password: string,
  authority: () => string,
  journal: Journal,
): ServerContext {
  const { dir } = options;
  const file = new StateFile(drivers, dir);
  const tokens = new TokenOffice(file, drivers);
  const content = dir === undefined
    ? memoryContent()
    : directoryContent(drivers.files, join(dir, "artifacts"));
  const verifyKeys = readVerifyKeys(
    (options.artifactVerifyKeys ?? []).map((text, at) => ({
      path: `artifactVerifyKeys[${at}]`,
      text,
    })),
  );
  return {
    clock: drivers.clock,
    file,
    tokens,
    devices: new DeviceRegistry(file, drivers, tokens),
    artifacts: new ArtifactShelf(file, drivers, content, verifyKeys),
    deployments: new DeploymentBook(file, drivers),
    links: new DownloadLinks(file, drivers, options.linkLifeSeconds ?? DAY_SECONDS),
    remote: new DeviceLinks({
      clock: drivers.clock,
      random: drivers.random,
      onViolation: (deviceId, { frame, violations }) =>
        journal.add({
          at: drivers.clock.now(),
          method: "MESSAGE",
          path: "/api/devices/v1/deviceconnect/connect",
          query: {},
          headers: {},
          status: 101,
          requestId: drivers.random.uuid(),
          deviceId,
          ...(frame && { body: { proto: frame.protocol, typ: frame.type, sid: frame.sessionId } }),
          violation: violations.join("; "),
        }),
    }),
    settings: {
      maxTerminalBytes: options.maxTerminalBytes ?? Infinity,
      user: options.user ?? "admin",
      password,
      tokenLifeSeconds: options.tokenLifeSeconds ?? WEEK_SECONDS,
      autoAccept: options.autoAccept ?? false,
      nextVersions: options.nextVersions ?? ["v2", "v1"],
      tenantToken: options.tenantToken,
      scheme: options.tls === true ? "https" : "http",
      authority,
    },
  };
}
