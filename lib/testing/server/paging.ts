import { ServerRefusal } from "./refusal.ts";

const MAX_PER_PAGE = 500;

/** One page of a list, and the `Link` header that leads to its neighbours. */
export interface Page<T> {
  /** The items of the page. */
  readonly items: T[];
  /** Value of the `Link` header: first, and where there are any, prev and next. */
  readonly link: string;
}

/**
 * Cuts the page that `page` (from 1, default 1) and `per_page` (1 to 500, default 20) ask for.
 *
 * @param path Path of the request, for the links.
 * @throws {ServerRefusal} `server.bad-request` for anything but such numbers.
 */
export function pageOf<T>(items: readonly T[], path: string, query: URLSearchParams): Page<T> {
  const page = numberOf(query, "page", 1, Number.MAX_SAFE_INTEGER);
  const perPage = numberOf(query, "per_page", 20, MAX_PER_PAGE);
  const start = (page - 1) * perPage;
  const link = (target: number, rel: string): string => {
    const changed = new URLSearchParams(query);
    changed.set("page", `${target}`);
    changed.set("per_page", `${perPage}`);
    return `<${path}?${changed}>; rel="${rel}"`;
  };
  const links = [link(1, "first")];
  if (page > 1) links.push(link(page - 1, "prev"));
  if (start + perPage < items.length) links.push(link(page + 1, "next"));
  return { items: items.slice(start, start + perPage), link: links.join(", ") };
}

function numberOf(query: URLSearchParams, name: string, absent: number, max: number): number {
  const text = query.get(name);
  if (text === null) return absent;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw new ServerRefusal("server.bad-request", `Can't parse param ${name}`);
}
