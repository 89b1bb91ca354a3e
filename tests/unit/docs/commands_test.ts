import { strict as assert } from "node:assert";
import { runtimeFlags } from "../../../cli/permissions/runtime_flags.ts";
import { runCommandLine } from "../../../cli/run_command_line.ts";
import { hostDrivers } from "../../../lib/runtime/host.ts";
import { repositoryText } from "../../support/repository_text.ts";
import { test } from "../../support/test.ts";
import { codeBlocks, codeSpans, pages } from "./markdown.ts";

/** Options of other programs that the pages show. */
const FOREIGN_OPTIONS = [
  ...["--yes", "--global"], // npx, npm
  ...["--allow-net", "--allow-read", "--allow-write", "--allow-sys", "--allow-run"], // deno run
  ...["--allow-ffi", "--deny-ffi"],
  ...["--bogus", "--onec", "--confg"], // wrong on purpose, in docs/bad_input.md
  "--block-signal", // env
  "--now", // systemctl
  "--check", // scripts/write_docs.ts
  "--login", // a shell
  "--compression", // mender-artifact
  "--username", // mender-cli
  "--server",
];

/** The help of the program, or of one of its commands. */
async function helpOf(...args: string[]): Promise<string> {
  const drivers = await hostDrivers();
  let text = "";
  const writeOut = (part: string): void => void (text += part);
  const self = { ...drivers.self, writeOut, terminalColumns: () => 100 };
  assert.equal(await runCommandLine({ ...drivers, self }, [...args, "--help"]), 0);
  return text;
}

function optionsIn(text: string): string[] {
  return [...new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [])];
}

function commandsIn(help: string): string[] {
  const [, list = ""] = help.split("Commands:\n");
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = ""]) => name)
    .filter((name) => name !== "help");
}

/** All commands, and those of commands: `flow set`. */
async function allCommands(): Promise<string[]> {
  const names: string[] = [];
  for (const name of commandsIn(await helpOf())) {
    names.push(name);
    for (const part of commandsIn(await helpOf(name))) names.push(`${name} ${part}`);
  }
  return names;
}

test("README.md lists every command with all of its options, and no other", async () => {
  const rows = new Map(
    [...repositoryText("README.md").matchAll(/^\| `([a-z][a-z-]*(?: [a-z][a-z-]*)?)[^`]*`(.*)$/gm)]
      .map(([row, name = ""]) => [name, row]),
  );
  // `flow` alone is `flow menu`.
  const commands = (await allCommands()).filter((name) => name !== "flow menu");
  assert.deepEqual([...rows.keys()].sort(), commands.sort());
  for (const command of commands) {
    const words = command === "flow" ? ["flow", "menu"] : command.split(" ");
    const known = optionsIn(await helpOf(...words)).filter((option) => option !== "--help");
    const row = rows.get(command) ?? "";
    assert.deepEqual(optionsIn(row).sort(), known.sort(), command);
  }
});

test("README.md lists every global option, and no other", async () => {
  const text = repositoryText("README.md");
  const table = text.slice(text.indexOf("| Option"), text.indexOf("Exit codes:"));
  assert.deepEqual(optionsIn(table).sort(), optionsIn(await helpOf()).sort());
});

for (const [path, command] of [["embedded_server", "serve"], ["service", "setup"]] as const) {
  test(`docs/${path}.md lists every option of ${command}`, async () => {
    const text = repositoryText(`docs/${path}.md`);
    const known = optionsIn(await helpOf(command)).filter((option) => option !== "--help");
    const table = text.slice(text.indexOf("| Option")).split("\n\n")[0] ?? "";
    // An option that every command has may stand there too.
    const listed = optionsIn(table).filter((option) => option !== "--root");
    assert.deepEqual(listed.sort(), known.sort());
  });
}

test("no page shows an option that nobody has", async () => {
  const global = await helpOf();
  const helps = await Promise.all(
    (await allCommands()).map((command) => helpOf(...command.split(" "))),
  );
  const flags = runtimeFlags("daemon").join(" ");
  const known = new Set([...FOREIGN_OPTIONS, ...optionsIn([flags, global, ...helps].join("\n"))]);
  for (const { path, text } of pages()) {
    const shown = [...codeSpans(text), ...codeBlocks(text).map((block) => block.text)].join("\n");
    assert.deepEqual(optionsIn(shown).filter((option) => !known.has(option)), [], path);
  }
});

test("command lines of the pages have options of their own command", async () => {
  const global = optionsIn(await helpOf());
  const commands = await allCommands();
  let seen = 0;
  for (const { path, text } of pages()) {
    const code = [...codeSpans(text), ...codeBlocks(text).map((block) => block.text)].join("\n");
    for (
      const [line, command = "", part = ""] of code.matchAll(
        /(?:cli\/main\.ts|\bmender-deno) ([a-z][a-z-]*)(?: ([a-z]+))?[^|`;\n]*/g,
      )
    ) {
      assert.ok(commands.includes(command), `${path}: ${line}`);
      const isPart = commands.includes(`${command} ${part}`);
      const words = command === "flow" && !isPart ? ["flow", "menu"] : [command];
      const known = [...global, ...optionsIn(await helpOf(...words, ...isPart ? [part] : []))];
      assert.deepEqual(optionsIn(line).filter((option) => !known.includes(option)), [], line);
      seen++;
    }
  }
  assert.ok(seen > 8);
});
