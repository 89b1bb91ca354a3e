/** Names under which this program may be installed, and the command that each stands for. */
const COMMANDS: Readonly<Record<string, string>> = {
  "mender-update-flow-control": "flow",
};

/** The command that a name stands for; itself when it stands for none. */
export function commandNamed(name: string): string {
  return COMMANDS[name] ?? name;
}

/**
 * The arguments of a command line, with the command in front that the name of the program stands for.
 *
 * @param programName Name by which the program was started, with or without an ending.
 */
export function argumentsAs(programName: string, args: readonly string[]): readonly string[] {
  const command = COMMANDS[programName.replace(/\.[cm]?[jt]s$/, "")];
  return command === undefined ? args : [command, ...args];
}
