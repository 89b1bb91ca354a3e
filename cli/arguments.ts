/**
 * The command line: the one place that knows the CLI library. Each command is loaded when it is run.
 *
 * @module
 */
import { Argument, Command, type OptionValues } from "@commander-js/extra-typings";
import { CommanderError, Option } from "commander";
import { VERSION } from "../lib/core/version.ts";
import type { Redactor } from "../lib/log/redactor.ts";
import type { Drivers } from "../lib/runtime/drivers.ts";
import { exampleText } from "./examples.ts";
import { unknownCommand, usageErrorOf } from "./usage_error.ts";
import { commandNamed } from "./called_as.ts";
import {
  type CommandContext,
  commandContext,
  type GlobalOptions,
  runIn,
} from "./command_context.ts";
import type { DaemonCommandOptions } from "./commands/daemon.ts";
import type { ReportOptions } from "./commands/report.ts";
import {
  DAEMON_OPTIONS,
  GLOBAL_OPTIONS,
  type PlainOption,
  REPORT_OPTIONS,
} from "./plain_options.ts";
import { type CommandLine, commandLineOf, type TreeCommand } from "./command_line.ts";

type Run = (context: CommandContext) => Promise<number>;

/** In front of a command line: it is not run, the permissions that it needs are printed. */
const FLAGS_OF_LINE = "permissions-for";

/**
 * Parses a command line and runs its command.
 *
 * @returns The exit code.
 * @throws {UsageError} The line cannot be understood.
 * @throws What the command throws.
 */
export async function parseAndRun(
  drivers: Drivers,
  args: readonly string[],
  redactor: Redactor,
): Promise<number> {
  if (args[0] === FLAGS_OF_LINE) return await flagsOfLine(drivers, args.slice(1), redactor);
  let run: Run | undefined;
  const program = buildProgram(drivers, (chosen) => run = chosen);
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0 || error.code === "commander.help") return 0;
    throw usageErrorOf(error);
  }
  if (run === undefined) return 0;
  return await runIn(commandContext(drivers, program.opts() as GlobalOptions, redactor), run);
}

/**
 * What a line says, by the values of its options.
 *
 * @throws What the CLI library throws where it does not understand the line.
 */
export function valuesOfLine(
  drivers: Drivers,
  args: readonly string[],
): { readonly command: string; readonly options: GlobalOptions; readonly own: unknown } {
  const program = buildProgram(drivers, () => {});
  let [command, own]: [string, unknown] = ["", {}];
  program.hook("preAction", (_, called) => {
    [command, own] = [called.name(), called.opts()];
  });
  program.parse([...args], { from: "user" });
  return { command, options: program.opts() as GlobalOptions, own };
}

/** All commands with their options and arguments. */
export function commandTree(drivers: Drivers): TreeCommand {
  return treeOf(buildProgram(drivers, () => {}));
}

/** A command as everything beside the parser sees it. */
function treeOf(command: unknown): TreeCommand {
  return command as TreeCommand;
}

async function flagsOfLine(
  drivers: Drivers,
  args: readonly string[],
  redactor: Redactor,
): Promise<number> {
  const silent = { ...drivers.self, writeOut: () => {}, writeError: () => {} };
  const program = buildProgram({ ...drivers, self: silent }, () => {});
  let line: CommandLine | undefined;
  program.hook("preAction", (_, command) => {
    line = commandLineOf(treeOf(command));
  });
  try {
    program.parse([...args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error; // it will be said when the line is run
  }
  // The log is the business of the command itself, as is what is wrong with it.
  const { logFile: _file, logLevel: _level, ...options } = program.opts() as GlobalOptions;
  const context = commandContext(drivers, options, redactor);
  return await (await import("./commands/permissions.ts")).permissionsForLine(context, line);
}

function buildProgram(drivers: Drivers, choose: (run: Run) => void): Command<[], OptionValues> {
  const program: Command<[], OptionValues> = new Command<[], OptionValues>("mender-deno");
  program
    .exitOverride()
    .configureOutput({
      writeOut: drivers.self.writeOut,
      writeErr: drivers.self.writeError,
      outputError: () => {}, // it is thrown, and told where all errors are
      getOutHelpWidth: () => Math.min(drivers.self.terminalColumns("stdout") ?? 80, 100),
      getErrHelpWidth: () => Math.min(drivers.self.terminalColumns("stderr") ?? 80, 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .description("Over-the-air updates with Mender, on a device")
    .version(`mender-deno ${VERSION}`, "-v, --version", "print the version");
  addPlain(program, GLOBAL_OPTIONS);

  program.command("bootstrap")
    .description("make the device key, or check the one there is")
    .action(() =>
      choose(async (context) => (await import("./commands/bootstrap.ts")).bootstrap(context))
    );

  const daemon = program.command("daemon")
    .description("poll the server for deployments and hand them to the sub-updater")
    .action((options: DaemonCommandOptions) =>
      choose(async (context) => (await import("./commands/daemon.ts")).daemon(context, options))
    );
  addPlain(daemon, DAEMON_OPTIONS);

  const report = program.command("report")
    .description("tell the server how the deployment in progress ended")
    .action((options: ReportOptions) =>
      choose(async (context) => (await import("./commands/report.ts")).report(context, options))
    );
  addPlain(report, REPORT_OPTIONS);

  program.command("terminal")
    .description("offer terminals, files and ports to the server, as mender-connect.conf says")
    .addOption(new Option("--attached", "end when standard input does").hideHelp())
    .action((options) =>
      choose(async (context) => (await import("./commands/terminal.ts")).terminal(context, options))
    );

  program.command("status")
    .option("--json", "print one JSON object; with --follow one a line")
    .option("--follow", "then print what happens, until it is interrupted")
    .description("how the running daemon and the deployment in progress stand")
    .action((options) =>
      choose(async (context) => (await import("./commands/status.ts")).status(context, options))
    );

  program.command("check-update")
    .description("have the running daemon ask for a deployment now")
    .action(() =>
      choose(async (context) =>
        (await import("./commands/ask_daemon.ts")).askDaemon(context, "check-update")
      )
    );

  program.command("send-inventory")
    .description("have the running daemon send the inventory now")
    .action(() =>
      choose(async (context) =>
        (await import("./commands/ask_daemon.ts")).askDaemon(context, "send-inventory")
      )
    );

  program.command("show-artifact")
    .description("print the name of the installed Artifact")
    .action(() =>
      choose(async (context) => (await import("./commands/show_artifact.ts")).showArtifact(context))
    );

  program.command("show-provides")
    .description("print all that the installed Artifact provides")
    .action(() =>
      choose(async (context) => (await import("./commands/show_artifact.ts")).showProvides(context))
    );

  program.command("check-config")
    .argument("[file]", "instead of the main configuration")
    .option("--json", "print one JSON object")
    .description("check the configuration and print what is in effect")
    .action((file, options) =>
      choose(async (context) =>
        (await import("./commands/check_config.ts")).checkConfig(context, file, options)
      )
    );

  program.command("verify")
    .argument("<file>", "a .mender file")
    .option("--key <pem>", "public key instead of the configured ones; may be repeated", append, [])
    .option("--json", "print one JSON object")
    .description("print what an Artifact is, and whether this device would accept it")
    .action((file, options) =>
      choose(async (context) =>
        (await import("./commands/verify.ts")).verify(context, file, options)
      )
    );

  program.command("serve")
    .description("run a Mender server on this machine, for development")
    .option("--listen <host:port>", "address", "127.0.0.1:8181")
    .option("--tls", "serve https, with a CA of its own")
    .option("--dir <dir>", "keep everything there over a restart")
    .option("--password-file <file>", "file with the password of the user admin")
    .option("--auto-accept", "accept every new device at once")
    .action((options) =>
      choose(async (context) => (await import("./commands/serve.ts")).serve(context, options))
    );

  program.command("setup")
    .description("install units and policies of the system, and the configuration")
    .option("--server-url <url>", "address of the server")
    .option("--tenant-token-file <file>", "file with the tenant token, - for standard input")
    .option("--device-type <type>", "type of the device")
    .option("--fork", "a daemon without a sandbox, which forks the sub-updater")
    .option("--flow-hold", "also a unit that holds updates")
    .option("--terminal", "also the unit of remote access")
    .option("--dbus-group <group>", "a group that may control updates, beside root")
    .option("--net <host:port>", "a storage or proxy to permit too; may be repeated", append, [])
    .addOption(
      new Option("--from <client>", "take the place of a client that was here: python or mender")
        .choices(["python", "mender"] as const),
    )
    .option("--aliases", "also mender-python-client and mender-update-flow-control")
    .option("--example", "also the example sub-updater, where there is none")
    .option("--runtime <path>", "Deno or Node on the device, where it is not the one that runs")
    .option("--program <path>", "directory of mender-deno on the device, where it is another one")
    .option("--executable <path>", "a compiled executable on the device, in their place")
    .option("--enable", "enable and start the units, the terminal's excepted")
    .option("--dry-run", "print the files, write nothing")
    .option("--uninstall", "remove what was installed; configuration and state stay")
    .action((options) =>
      choose(async (context) => (await import("./commands/setup.ts")).setup(context, options))
    );

  program.command("permissions")
    .argument("[set]", "one set alone")
    .option("--net <host:port>", "permit this address too; may be repeated", append, [])
    .option("--json", "print them as deno.json has them")
    .description("print the permission sets for Deno, narrowed to what is configured here")
    .action((set, options) =>
      choose(async (context) =>
        (await import("./commands/permissions.ts")).permissions(context, set, options)
      )
    );

  program.command("completions")
    .addArgument(new Argument("<shell>", "the shell").choices(["bash", "zsh", "fish"] as const))
    .description("print the completions for a shell")
    .action((shell) =>
      choose(async (context) =>
        (await import("./commands/completions.ts")).completions(context, shell, treeOf(program))
      )
    );

  program.command("demo")
    .description("watch one update from the server to the sub-updater and back, on this machine")
    .option("--keep", "leave the demo's directory in place")
    .action((options) =>
      choose(async (context) => (await import("./commands/demo.ts")).demo(context, options))
    );

  addFlow(program, choose);

  // Set last: subcommands inherit what is set before them.
  // Like the Python client's: a line without a command shows the usage and is no failure.
  program.allowExcessArguments().action(() => {
    const [unknown] = program.args;
    if (unknown === undefined) return program.outputHelp();
    throw unknownCommand(unknown, treeOf(program));
  });

  showExamples(program as unknown as HelpfulCommand, []);
  return program;
}

/** A command, as far as its help is concerned. */
interface HelpfulCommand {
  readonly commands: readonly HelpfulCommand[];
  name(): string;
  addHelpText(position: "after", text: string): unknown;
}

function showExamples(command: HelpfulCommand, words: readonly string[]): void {
  command.addHelpText("after", exampleText(words));
  for (const each of command.commands) showExamples(each, [...words, commandNamed(each.name())]);
}

/** The command of the same name of Mender's example application does the same as `flow`. */
const FLOW_NAMES = ["flow", "mender-update-flow-control"] as const;

const ACTIONS = "continue, force_continue, pause or fail";

function addFlow(program: Command<[], OptionValues>, choose: (run: Run) => void): void {
  for (const name of FLOW_NAMES) {
    const flow = program.command(name, { hidden: name !== "flow" })
      .description("control updates: hold them, let one pass, fail one");

    flow.command("menu", { isDefault: true })
      .description("choose at this terminal; the same as flow alone")
      .option("--on-expire <action>", "continue (when absent), force_continue or fail")
      .option("--priority <n>", "of the map, -10 to 10; -1 when absent")
      .option("--id <uuid>", "of the map; this device's own when absent")
      .option("--clear-on-exit", "delete the map at the end")
      .allowExcessArguments()
      .action((options, { args: [unknown] }) => {
        if (unknown !== undefined) throw unknownCommand(unknown, treeOf(flow));
        choose(async (context) => (await import("./commands/flow.ts")).flow(context, options));
      });

    flow.command("set")
      .argument("[map]", "file with an Update Control Map, - for standard input")
      .description("set a map and keep it in effect; without a map or an action: pause everywhere")
      .option("--install <action>", ACTIONS)
      .option("--reboot <action>", ACTIONS)
      .option("--commit <action>", ACTIONS)
      .option("--after <action>", "action once an update has asked; the same when absent")
      .option("--on-expire <action>", "continue (when absent), force_continue or fail")
      .option("--priority <n>", "of the map, -10 to 10; -1 when absent")
      .option("--id <uuid>", "of the map; this device's own when absent")
      .option("--policy <file>", "maps over time, by the rules of a file")
      .option("--once", "set it once and print the seconds in which it has to be set again")
      .option("--for <duration>", "end after a time: 90s, 15m, 2h, 1d")
      .option("--clear-on-exit", "delete the map at the end")
      .option("--json", "print every change as a JSON object on a line")
      .action((map, options) =>
        choose(async (context) =>
          (await import("./commands/flow_set.ts")).flowSet(context, map, options)
        )
      );

    flow.command("clear")
      .description("delete the map now")
      .option("--priority <n>", "of the map; -1 when absent")
      .option("--id <uuid>", "of the map; this device's own when absent")
      .option("--json", "print one JSON object")
      .action((options) =>
        choose(async (context) =>
          (await import("./commands/flow_clear.ts")).flowClear(context, options)
        )
      );

    flow.command("wait")
      .argument("<point>", "ArtifactReboot_Enter or ArtifactCommit_Enter")
      .description("for a sub-updater: wait until the maps let the update pass a point")
      .action((point) =>
        choose(async (context) =>
          (await import("./commands/flow_wait.ts")).flowWait(context, point)
        )
      );

    flow.command("check")
      .argument("<map...>", "files with Update Control Maps, - for standard input")
      .description("check maps and print what they say together; needs no bus")
      .option("--json", "print one JSON object")
      .action((maps, options) =>
        choose(async (context) =>
          (await import("./commands/flow_check.ts")).flowCheck(context, maps, options)
        )
      );
  }
}

/** Adds options that are described elsewhere, because a line may be read without this library. */
function addPlain(
  command: { addOption(option: Option): unknown },
  options: readonly PlainOption[],
): void {
  for (const { flags, description, choices } of options) {
    const option = new Option(flags, description);
    command.addOption(choices === undefined ? option : option.choices(choices));
  }
}

function append(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
