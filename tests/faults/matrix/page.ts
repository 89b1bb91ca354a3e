import type { Played } from "./matrix.ts";
import type { Seen } from "./row.ts";

const HEAD = `<!-- deno-fmt-ignore-file -->
# Faults

What the daemon does when something goes wrong, row by row. This page is written by a run against the
embedded server, over real sockets and http and https: \`deno task docs:faults\`. The gate plays all of it
again, and checks how each row ends.

Each row is a deployment during which the fault happens. "The usual" is what the server sees of every
deployment: the offer, the status \`downloading\`, the download, the status \`installing\`, and the outcome.
\`cut\` is a request that got no answer, \`rest\` one for the rest of an Artifact. Polls without a
deployment, inventories, and what is sent again and again are left out. Unless the server asks for more,
no wait between two tries is longer than \`RetryPollIntervalSeconds\`, here 5 s. A row fails when its fault
did not strike. After every row, or after the last of a family, another deployment ends well.
`;

/** Writes `docs/faults.md` out of what was seen. */
export function faultsPage(played: readonly Played[]): string {
  const parts: string[] = [HEAD];
  let title = "";
  for (const line of linesOf(played)) {
    if (line.title !== title) {
      title = line.title;
      parts.push(
        `\n## ${title}\n\n| Fault | The server saw | On the disk | Status | Then it |\n|---|---|---|---|---|\n`,
      );
    }
    const { server, disk, status, action } = line.seen;
    parts.push(`| ${[line.fault, server, disk, status, action].map(cell).join(" | ")} |\n`);
  }
  return parts.join("");
}

interface Line {
  readonly title: string;
  readonly fault: string;
  readonly seen: Seen;
}

/** One line for both protocols where they are alike, and for those of a family that are. */
function linesOf(played: readonly Played[]): Line[] {
  const found = new Map<
    string,
    { title: string; key: string; members: string[]; seen: Seen; schemes: Set<string> }
  >();
  for (const { group, row, scheme, seen } of played) {
    if (seen === undefined) continue;
    const { family, member = "" } = row;
    const shown = family === undefined ? seen : withoutMember(seen, member);
    const key = family ?? row.fault;
    const id = JSON.stringify([group.title, key, shown]);
    const line = found.get(id) ??
      { title: group.title, key, members: [], seen: shown, schemes: new Set() };
    if (family !== undefined && !line.members.includes(member)) line.members.push(member);
    line.schemes.add(scheme);
    found.set(id, line);
  }
  const lines = [...found.values()];
  return lines.map(({ title, key, members, seen, schemes }) => {
    const isDivided = lines.some((other) =>
      other.title === title && other.key === key && other.seen !== seen && other.schemes.size !== 2
    ) && schemes.size === 1 && members.length === 0;
    const fault = members.length === 0 ? key : key.replace("…", () =>
      members.join(", "));
    return { title, fault: isDivided ? `${fault} (${[...schemes].join()})` : fault, seen };
  });
}

/** The status that a row is about is told once, in front. */
function withoutMember(seen: Seen, member: string): Seen {
  return /^\d+$/.test(member)
    ? { ...seen, server: seen.server.replace(new RegExp(` ${member}\\b`), " …") }
    : seen;
}

function cell(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll("|", "\\|").replace(/[\x00-\x1f]/g, " ");
}
