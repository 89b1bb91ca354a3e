/**
 * Holds the permission sets of `deno.json` to least privilege: nothing is permitted as a whole, the
 * terminal's pseudo-terminals excepted, and each command that a device runs for long has a set.
 *
 * Run: `deno run --allow-read scripts/check_permissions.ts`
 */
import { readFileSync } from "node:fs";
import process from "node:process";

/** A pseudo-terminal is a library of machine code on devices of any name: a shell may do anyway what it likes. */
const WHOLE: Readonly<Record<string, readonly string[]>> = { terminal: ["ffi", "read", "write"] };

const { permissions } = JSON.parse(readFileSync("deno.json", "utf8")) as {
  permissions: Record<string, Record<string, unknown>>;
};

for (const [name, set] of Object.entries(permissions)) {
  for (const [kind, permitted] of Object.entries(set)) {
    const allowed = kind === "env" ? (permitted as { allow?: unknown }).allow : permitted;
    if (allowed === true && !WHOLE[name]?.includes(kind)) tell(name, `permits ${kind} as a whole`);
    if (!Array.isArray(allowed)) continue;
    for (const item of allowed) {
      if (["/", "*", "", ".", "0.0.0.0"].includes(String(item))) {
        tell(name, `permits ${kind} ${item}`);
      }
    }
  }
  if ((set["env"] as { ignore?: boolean } | undefined)?.ignore !== true) {
    tell(name, "lets libraries fail that ask for a variable; set env.ignore");
  }
}
for (const name of ["daemon", "report", "serve"]) {
  if (!(name in permissions)) tell(name, "is missing");
}

function tell(name: string, what: string): void {
  console.log(`deno.json: the permission set "${name}" ${what}`);
  process.exitCode = 1;
}
