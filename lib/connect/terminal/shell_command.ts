import { isAbsolute } from "../../core/posix_path.ts";
import type { ConnectConfig } from "../../config/mod.ts";
import { SessionError } from "../../core/errors.ts";
import { type FileDriver, readText } from "../../runtime/files/file_driver.ts";
import { findUser, type UnixUser } from "./unix_users.ts";

/** How a shell is started. */
export interface ShellCommand {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Where it starts. */
  readonly directory: string;
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Where `setpriv` of util-linux is found. */
const SETPRIV = ["/usr/bin/setpriv", "/bin/setpriv"];

/** Terminal that a shell is told it runs in; what mender-connect says. */
const TERM = "xterm-256color";

/**
 * How the configured shell is started as the configured user; asked at each session, so that what was
 * repaired is used.
 *
 * @param uid User that this process runs as. Only root can start a shell of somebody else: through
 * `setpriv`, with all groups of that user and none of ours.
 * @throws {SessionError} `session.bad-shell`: no absolute path, not executable, or not in `/etc/shells`;
 * `session.no-user`: there is no such user; `session.wrong-user`: we may not become that user.
 */
export function shellCommand(
  files: FileDriver,
  uid: number,
  config: Pick<ConnectConfig, "shellCommand" | "shellArguments" | "user">,
): ShellCommand {
  checkShell(files, config.shellCommand);
  const user = userOf(files, uid, config.user);
  const home = files.stat(user.home, { follow: true })?.kind === "directory" ? user.home : "/";
  return {
    command: [
      ...user.uid === uid ? [] : switchUser(files, uid, user),
      config.shellCommand,
      ...config.shellArguments,
    ],
    directory: home,
    env: { HOME: home, TERM, USER: user.name, LOGNAME: user.name, SHELL: config.shellCommand },
  };
}

function checkShell(files: FileDriver, shell: string): void {
  const refuse = (why: string): SessionError =>
    new SessionError("session.bad-shell", `Cannot use the shell ${shell}: ${why}`, {
      hint: "Check ShellCommand in mender-connect.conf",
      retry: "never",
    });
  if (!isAbsolute(shell)) throw refuse("wanted an absolute path");
  if (files.stat(shell, { follow: true })?.kind !== "file") throw refuse("there is no such file");
  if (!files.isExecutable(shell)) throw refuse("it is not executable");
  const listed = readText(files, "/etc/shells", 1 << 20, { follow: true })?.split("\n") ??
    ["/bin/sh"];
  if (!listed.some((line) => line.trim() === shell)) throw refuse("it is not in /etc/shells");
}

function userOf(files: FileDriver, uid: number, name: string | undefined): UnixUser {
  const user = findUser(files, name ?? uid);
  if (user !== undefined) return user;
  if (name === undefined) return { name: `${uid}`, uid, gid: uid, home: "/" };
  throw new SessionError("session.no-user", `Cannot start a shell: there is no user "${name}"`, {
    hint: "Check User in mender-connect.conf",
    retry: "never",
  });
}

function switchUser(files: FileDriver, uid: number, user: UnixUser): string[] {
  const refuse = (why: string, hint: string): SessionError => {
    const message = `Cannot start a shell of "${user.name}": ${why}`;
    return new SessionError("session.wrong-user", message, { hint, retry: "never" });
  };
  if (uid !== 0) throw refuse("only root can", "Run this program as root, or as that user");
  const setpriv = SETPRIV.find((path) => files.isExecutable(path));
  if (setpriv === undefined) throw refuse("there is no setpriv", "Install setpriv (util-linux)");
  return [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, "--init-groups", "--"];
}
