import { commandTree } from "../../cli/arguments.ts";
import type { TreeCommand, TreeOption } from "../../cli/command_line.ts";
import { VERSION } from "../../lib/core/version.ts";
import { hostDrivers } from "../../lib/runtime/host.ts";

const FILES: readonly (readonly [path: string, holds: string])[] = [
  ["/etc/mender/mender.conf", "Configuration, JSON."],
  ["/etc/mender/mender-connect.conf", "Configuration of remote access, JSON."],
  ["/etc/mender/artifact_info", "Name and provides of what is installed."],
  ["/usr/share/mender/install", "The sub-updater."],
  ["/usr/share/mender/identity/mender-device-identity", "Prints the identity of the device."],
  ["/usr/share/mender/inventory/", "Programs that print the inventory."],
  ["/var/lib/mender/", "The state: device key, device type, deployment, logs."],
];

const EXITS: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "Done."],
  ["1", "Failed."],
  ["2", "The command line is wrong, or a terminal is needed."],
  ["3", "report: it is recorded, and the daemon will deliver it."],
  ["130", "Interrupted."],
];

/** The manual page, in the language of man(7), made of the tree of commands. */
export async function manualPage(): Promise<string> {
  const tree = commandTree(await hostDrivers());
  const lines = [
    `.TH MENDER\\-DENO 1 "" "mender\\-deno ${escaped(VERSION)}"`,
    ".SH NAME",
    `mender\\-deno \\- ${escaped(lowered(tree.description()))}`,
    ".SH SYNOPSIS",
    ".B mender\\-deno",
    "[\\fIoption\\fR]... \\fIcommand\\fR [\\fIargument\\fR]...",
    ".SH DESCRIPTION",
    "Keeps a device up to date from a Mender server: polls, downloads and checks an Artifact, hands it to",
    "the sub\\-updater of the device, and reports how it ended.",
    ".SH OPTIONS",
    "They may stand before or behind the command.",
    ...tree.options.filter(({ hidden }) => !hidden).flatMap(optionLines),
    ".TP",
    "\\fB\\-h\\fR, \\fB\\-\\-help\\fR",
    "Show the help, of a command behind its name.",
    ".SH COMMANDS",
    ...tree.commands.flatMap((command) => commandLines(command, "")),
    ".SH EXIT STATUS",
    ...EXITS.flatMap(([code, meaning]) => [".TP", `.B ${code}`, escaped(meaning)]),
    ".SH FILES",
    ...FILES.flatMap(([path, holds]) => [".TP", `.I ${escaped(path)}`, escaped(holds)]),
    ".SH SEE ALSO",
    ".BR systemd\\-run (1),",
    ".BR systemctl (1)",
  ];
  return lines.join("\n") + "\n";
}

function commandLines(command: TreeCommand, above: string): string[] {
  if (command._hidden === true) return [];
  const name = above === "" ? command.name() : `${above} ${command.name()}`;
  const usage = command.registeredArguments.map((argument) => {
    const shown = `\\fI${escaped(argument.name())}\\fR${argument.variadic ? "..." : ""}`;
    return argument.required ? ` ${shown}` : ` [${shown}]`;
  }).join("");
  return [
    ".SS",
    `\\fB${escaped(name)}\\fR${usage}`,
    escaped(sentence(command.description())),
    ...command.registeredArguments.filter(({ description }) => description !== "")
      .flatMap((argument) => [
        ".TP",
        `\\fI${escaped(argument.name())}\\fR`,
        escaped(sentence(argument.description)),
      ]),
    ...command.options.filter(({ hidden }) => !hidden).flatMap(optionLines),
    ...command.commands.flatMap((each) => commandLines(each, name)),
  ];
}

function optionLines(option: TreeOption): string[] {
  const flags = option.flags.split(/([\s,]+)/).map((part) =>
    part.startsWith("-")
      ? `\\fB${escaped(part)}\\fR`
      : /^[<[]/.test(part)
      ? `\\fI${escaped(part.slice(1, -1))}\\fR`
      : part
  ).join("");
  const { argChoices, defaultValue, description } = option;
  const more = [
    ...(argChoices === undefined ? [] : [`One of ${argChoices.join(", ")}.`]),
    ...(typeof defaultValue === "string" ? [`Default: ${defaultValue}.`] : []),
  ];
  return [".TP", flags, escaped([sentence(description), ...more].join(" "))];
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function lowered(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

/** Text as man(7) wants it: hyphens that may be copied, no requests at the beginning of a line. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}
