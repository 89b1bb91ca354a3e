import { dirname, join } from "../../lib/core/posix_path.ts";
import { absolutePath } from "../../lib/runtime/absolute_path.ts";
import { type Config, hostAndPort, type Paths, wellKnownPaths } from "../../lib/config/mod.ts";
import type { PermissionSet, Permitted } from "./permission_set.ts";

/** Servers that the sets of `deno.json` name; those of the configuration take their place. */
const HOSTED = /(^|\.)hosted\.mender\.io:443$/;

/** Where the system bus is unless the environment says otherwise. */
const BUS_SOCKET = "/run/dbus/system_bus_socket";

/** What a set is narrowed to: the places and the addresses of one device. */
export interface Surroundings {
  /** Where the files of the device are. */
  readonly paths: Paths;
  /** What is configured; absent where no set needs a server. */
  readonly config?: Config;
  /** Directory against which relative paths of the sets are meant: that of `deno.json`. */
  readonly home: string;
  /** Every absolute path lies under this directory, not the default places alone. */
  readonly root?: string;
  /** Socket of the system bus, when it is elsewhere. */
  readonly busSocket?: string;
  /** Further `host:port`: a storage, a proxy. */
  readonly net?: readonly string[];
  /** Further paths that may be read. */
  readonly read?: readonly string[];
  /** Further paths that may be written. */
  readonly write?: readonly string[];
}

/** Whether a set names servers, so that it can be narrowed only where one is configured. */
export function needsServer({ net }: PermissionSet): boolean {
  return Array.isArray(net) && net.some((address) => HOSTED.test(address));
}

/**
 * A set for one device: the default paths become the device's, the hosted servers become those that are
 * configured, and files that the configuration names elsewhere are added. Nothing else is.
 */
export function narrowSet(set: PermissionSet, around: Surroundings): PermissionSet {
  const { config, home } = around;
  const move = mover(around);
  const isClient = needsServer(set);
  // "DBus.Enabled" is about the daemon; remote access, which has terminals, asks the bus all the same.
  const isOffBus = config?.isBusEnabled === false && set.ffi === undefined;
  const isKept = (item: string): boolean => !isOffBus || !item.endsWith(BUS_SOCKET);
  const lists = (
    permitted: Permitted | undefined,
    change: (item: string) => string[],
    more: readonly string[] = [],
  ): Permitted | undefined => {
    if (permitted === true) return true;
    const items = [...(permitted ?? []).filter(isKept).flatMap(change), ...more];
    return items.length === 0 ? undefined : [...new Set(items)].sort();
  };
  // What lies in a directory that is permitted anyway is not named again.
  const paths = (permitted: Permitted | undefined, more: readonly string[]) => {
    const items = lists(permitted, place, more);
    if (items === true) return items;
    return items?.filter((item) => !items.some((other) => item.startsWith(`${other}/`)));
  };
  const place = (item: string): string[] => [item.startsWith("/") ? move(item) : join(home, item)];
  const address = (item: string): string[] =>
    item.startsWith("unix:") ? [`unix:${move(item.slice(5))}`] : HOSTED.test(item) ? [] : [item];
  const { read = [], write = [], net = [] } = around;
  const named = isClient && config !== undefined ? namedFiles(config) : { read: [], write: [] };
  const servers = isClient ? (config?.servers ?? []).map(hostAndPort) : [];
  const narrowed = {
    read: paths(set.read, [...named.read, ...read]),
    write: paths(set.write, [...named.write, ...write]),
    net: lists(set.net, address, isClient ? [...servers, ...net] : net),
    run: lists(set.run, place),
    sys: set.sys,
    ffi: set.ffi,
    env: set.env,
  };
  return Object.fromEntries(Object.entries(narrowed).filter(([, value]) => value !== undefined));
}

/** Moves the default places, and nothing else, to where this device has them. */
function mover({ paths, root, busSocket }: Surroundings): (path: string) => string {
  if (root !== undefined) return (path) => join(root, path);
  const defaults = wellKnownPaths();
  const moved: readonly (readonly [from: string, to: string])[] = [
    [defaults.dataDirectory, paths.dataDirectory],
    [dirname(defaults.artifactInfo), dirname(paths.artifactInfo)],
    [dirname(defaults.installScript), dirname(paths.installScript)],
    [defaults.systemCaBundle, paths.systemCaBundle],
    [defaults.systemdRuntime, paths.systemdRuntime],
    [BUS_SOCKET, busSocket ?? BUS_SOCKET],
  ];
  return (path) => {
    for (const [from, to] of moved) {
      if (path === from || path.startsWith(`${from}/`)) return to + path.slice(from.length);
    }
    return path;
  };
}

/** Files that the configuration names, wherever they are. */
function namedFiles(config: Config): { read: string[]; write: string[] } {
  const { certificateFile, keyFile } = config.clientCertificate ?? {};
  const files = [
    config.caFile,
    certificateFile,
    keyFile,
    config.authPrivateKeyFile,
    config.deviceTypeFile,
    ...config.artifactVerifyKeyFiles,
  ].filter((file) => file !== undefined);
  const logs = absolutePath(config.updateLogDirectory);
  return { read: [...files.map((file) => absolutePath(file)), logs], write: [logs] };
}
