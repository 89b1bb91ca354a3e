import { messageOf } from "../core/errors.ts";
import type { BusConnection } from "./bus_connection.ts";
import { type BusMessage, MESSAGE_TYPE, NO_REPLY_EXPECTED } from "./bus_library.ts";

/** A method that an object of ours offers. */
export interface ServedMethod {
  /** Names and types of the arguments, in their order. */
  readonly takes: Readonly<Record<string, string>>;
  /** Names and types of what is answered. */
  readonly answers: Readonly<Record<string, string>>;
  /** Does it. What it throws is told to the caller by its message alone. */
  run(body: readonly unknown[]): readonly unknown[] | Promise<readonly unknown[]>;
}

/** An object of ours on the bus, with one interface beside the standard ones. */
export interface ServedObject {
  /** Object path. */
  readonly path: string;
  /** Interface. */
  readonly interface: string;
  /** Its methods by name. */
  readonly methods: Readonly<Record<string, ServedMethod>>;
  /** Its signals: names and types of their arguments. */
  readonly signals?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Name of the error by which failures of methods are answered. */
  readonly errorName: string;
}

const STANDARD = "org.freedesktop.DBus";
const ERROR = `${STANDARD}.Error`;

type Reply = { readonly signature: string; readonly body: readonly unknown[] };

/** A call that cannot be served, by the name that GLib's services use. */
class Refusal extends Error {
  readonly errorName: string;

  constructor(errorName: string, message: string) {
    super(message);
    this.name = "Refusal";
    this.errorName = errorName;
  }
}

/**
 * Answers the calls to an object of ours for as long as the connection lives.
 *
 * Unknown members, wrong arguments and failures are answered with an error; nothing that a caller sends
 * ends the service. Calls to other objects are left to others.
 *
 * @param isServing Asked at each call; `false` refuses it.
 */
export function serveObject(
  bus: BusConnection,
  object: ServedObject,
  isServing: () => boolean = () => true,
): void {
  bus.onCall((call) => {
    const { path = "" } = call;
    if (path !== object.path && !isAbove(path, object.path)) return false;
    void answer(call).then((reply) => {
      if (((call.flags ?? 0) & NO_REPLY_EXPECTED) === 0) bus.send(reply);
    });
    return true;
  });

  const answer = async (call: BusMessage): Promise<BusMessage> => {
    const head = { replySerial: call.serial ?? 0, destination: call.sender };
    try {
      if (!isServing()) throw new Refusal(`${ERROR}.ServiceUnknown`, "This service has ended");
      return { ...head, type: MESSAGE_TYPE.reply, ...await dispatch(object, call) };
    } catch (error) {
      return {
        ...head,
        type: MESSAGE_TYPE.error,
        errorName: error instanceof Refusal ? error.errorName : object.errorName,
        signature: "s",
        body: [messageOf(error)],
      };
    }
  };
}

async function dispatch(object: ServedObject, call: BusMessage): Promise<Reply> {
  const { path = "", interface: name, member = "", signature = "", body = [] } = call;
  const standard = standardMethod(object, path, name, member, body);
  if (standard !== undefined) return standard;
  const method = path === object.path && (name === undefined || name === object.interface)
    ? ownMember(object.methods, member)
    : undefined;
  if (method === undefined) {
    throw new Refusal(
      `${ERROR}.UnknownMethod`,
      `No such method '${member}' on interface '${name ?? ""}' of '${path}'`,
    );
  }
  const wanted = Object.values(method.takes).join("");
  if (signature !== wanted) {
    throw new Refusal(
      `${ERROR}.InvalidArgs`,
      `Method '${member}' takes arguments of type '(${wanted})', found '(${signature})'`,
    );
  }
  return { signature: Object.values(method.answers).join(""), body: await method.run(body) };
}

function standardMethod(
  object: ServedObject,
  path: string,
  name: string | undefined,
  member: string,
  body: readonly unknown[],
): Reply | undefined {
  switch (`${name ?? ""}.${member}`) {
    case `${STANDARD}.Peer.Ping`:
      return { signature: "", body: [] };
    case `${STANDARD}.Introspectable.Introspect`:
      return { signature: "s", body: [introspection(object, path)] };
    case `${STANDARD}.Properties.GetAll`:
      return { signature: "a{sv}", body: [{}] };
    case `${STANDARD}.Properties.Get`:
    case `${STANDARD}.Properties.Set`:
      throw new Refusal(`${ERROR}.InvalidArgs`, `No such property '${String(body[1])}'`);
    default:
      return undefined;
  }
}

/** What an object, or a path on the way to it, offers. */
function introspection(object: ServedObject, path: string): string {
  const parts = path === object.path
    ? interfaces(object)
    : [`  <node name="${nextPart(path, object.path)}"/>`];
  return [
    `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"`,
    ` "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">`,
    "<node>",
    ...parts,
    "</node>",
    "",
  ].join("\n");
}

function interfaces(object: ServedObject): string[] {
  const args = (types: Readonly<Record<string, string>>, direction?: "in" | "out"): string[] =>
    Object.entries(types).map(([name, type]) =>
      `      <arg type="${type}" name="${name}"${
        direction === undefined ? "" : ` direction="${direction}"`
      }/>`
    );
  const methods = Object.entries(object.methods).flatMap(([name, { takes, answers }]) => [
    `    <method name="${name}">`,
    ...args(takes, "in"),
    ...args(answers, "out"),
    "    </method>",
  ]);
  const signals = Object.entries(object.signals ?? {}).flatMap(([name, types]) => [
    `    <signal name="${name}">`,
    ...args(types),
    "    </signal>",
  ]);
  return [
    `  <interface name="${STANDARD}.Properties">`,
    '    <method name="Get">',
    ...args({ interface_name: "s", property_name: "s" }, "in"),
    ...args({ value: "v" }, "out"),
    "    </method>",
    '    <method name="GetAll">',
    ...args({ interface_name: "s" }, "in"),
    ...args({ properties: "a{sv}" }, "out"),
    "    </method>",
    '    <method name="Set">',
    ...args({ interface_name: "s", property_name: "s", value: "v" }, "in"),
    "    </method>",
    '    <signal name="PropertiesChanged">',
    ...args({ interface_name: "s", changed_properties: "a{sv}", invalidated_properties: "as" }),
    "    </signal>",
    "  </interface>",
    `  <interface name="${STANDARD}.Introspectable">`,
    '    <method name="Introspect">',
    '      <arg type="s" name="xml_data" direction="out"/>',
    "    </method>",
    "  </interface>",
    `  <interface name="${STANDARD}.Peer">`,
    '    <method name="Ping"/>',
    "  </interface>",
    `  <interface name="${object.interface}">`,
    ...methods,
    ...signals,
    "  </interface>",
  ];
}

function isAbove(path: string, of: string): boolean {
  return path === "/" || of.startsWith(`${path}/`);
}

function nextPart(path: string, of: string): string {
  return of.slice(path === "/" ? 1 : path.length + 1).split("/")[0] ?? "";
}

function ownMember<T>(members: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}
