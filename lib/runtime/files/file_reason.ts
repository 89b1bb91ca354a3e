import { messageOf } from "../../core/errors.ts";
import { errnoOf } from "./file_driver.ts";

/** What the errors of the system mean, in the same words on every runtime. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EBUSY: "it is in use",
  EDQUOT: "the quota of this user is used up",
  EEXIST: "something else stands there",
  EIO: "the storage fails (EIO)",
  EISDIR: "it is a directory",
  ELOOP: "it is a symbolic link",
  EMFILE: "too many files are open",
  ENAMETOOLONG: "its name is too long",
  ENOENT: "there is no such file or directory",
  ENOSPC: "no space left on the device",
  ENOTDIR: "a part of its path is no directory",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
};

/** What {@link refuseSpecialFile} says; the system has other reasons for this error too. */
const SPECIAL = /pipe, socket or device/;

/**
 * Why a file could not be read or written, without its path and without the words of a runtime.
 *
 * What is not known here keeps its own message: a denied permission of Deno above all, which names the
 * flag that is missing.
 */
export function fileReason(error: unknown): string {
  if (error instanceof RangeError) {
    return /it is larger than \d+ bytes$/.exec(error.message)?.[0] ?? messageOf(error);
  }
  const errno = errnoOf(error) ?? "";
  if (errno === "EINVAL" && SPECIAL.test(messageOf(error))) return "it is a pipe, socket or device";
  return REASONS[errno] ?? messageOf(error);
}
