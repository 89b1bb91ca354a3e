import type { Answer } from "./answer.ts";
import type { Call } from "./call.ts";
import { ServerRefusal } from "./refusal.ts";

/** Who may call a route: anyone, an accepted device, or the logged-in user. */
export type Access = "open" | "device" | "user";

/** One row of the route table. */
export interface Route {
  /** Method in upper case. */
  readonly method: string;
  /** Path; a segment `{name}` stands for any one segment. */
  readonly path: string;
  /** Whose token is needed. */
  readonly access: Access;
  /** Answers the call, or throws a {@link ServerRefusal}. */
  handle(call: Call): Answer | Promise<Answer>;
}

/** A route that was found, with the values of its `{name}` segments. */
export interface Match {
  /** The row. */
  readonly route: Route;
  /** Decoded segments by name. */
  readonly params: Readonly<Record<string, string>>;
}

/**
 * Finds the route of a request. A row with a literal segment wins over one with a `{name}` there.
 *
 * @throws {ServerRefusal} `server.not-found` for an unknown path, `server.bad-method` (with `Allow`)
 * when the path has other methods only.
 */
export function findRoute(routes: readonly Route[], method: string, path: string): Match {
  const fitting = routes
    .map((route) => ({ route, params: matchPath(route.path, path) }))
    .filter((candidate): candidate is Match => candidate.params !== undefined);
  if (fitting.length === 0) throw new ServerRefusal("server.not-found", "not found");
  const best = fitting
    .filter(({ route }) => route.method === method)
    .sort((a, b) => Object.keys(a.params).length - Object.keys(b.params).length)[0];
  if (best !== undefined) return best;
  const allow = [...new Set(fitting.map(({ route }) => route.method))].join(", ");
  throw new ServerRefusal("server.bad-method", "method not allowed", { headers: { allow } });
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split("/");
  const found = path.split("/");
  if (wanted.length !== found.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const text = found[index] ?? "";
    if (segment.startsWith("{")) {
      const value = decode(text);
      if (value === undefined || value === "") return undefined;
      params[segment.slice(1, -1)] = value;
    } else if (segment !== text) return undefined;
  }
  return params;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // a path that is no URL fits no route
  }
}
