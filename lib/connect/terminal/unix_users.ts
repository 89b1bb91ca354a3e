import { type FileDriver, readText } from "../../runtime/files/file_driver.ts";

/** A user of the machine. */
export interface UnixUser {
  /** Name. */
  readonly name: string;
  /** User ID. */
  readonly uid: number;
  /** ID of the user's own group. */
  readonly gid: number;
  /** Home directory. */
  readonly home: string;
}

const PASSWD = "/etc/passwd";
const GROUP = "/etc/group";

/** The user of a name or ID, or `undefined`. Only `/etc/passwd` is read, no directory service. */
export function findUser(files: FileDriver, who: string | number): UnixUser | undefined {
  for (const [name = "", , uid = "", gid = "", , home = ""] of rows(files, PASSWD)) {
    if (typeof who === "string" ? name === who : uid === `${who}`) {
      return { name, uid: Number(uid), gid: Number(gid), home };
    }
  }
  return undefined;
}

/** The ID of the group of that name, or `undefined`. */
export function findGroupId(files: FileDriver, group: string): number | undefined {
  const found = rows(files, GROUP).find(([name]) => name === group);
  return found === undefined ? undefined : Number(found[2]);
}

function rows(files: FileDriver, path: string): string[][] {
  const text = readText(files, path, 1 << 20, { follow: true }) ?? "";
  return text.split("\n").filter((line) => /^[^#:]+:/.test(line)).map((line) => line.split(":"));
}
