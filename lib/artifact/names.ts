const PAYLOAD_FILE = /^[\w\-.,]{1,100}$/;
const SCRIPT =
  /^Artifact(Install|Reboot|Commit|Rollback|RollbackReboot|Failure)_(Enter|Leave|Error)_\d\d(_[^\s/\0]+)?$/;
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u;

/**
 * Whether a payload file may have this name: letters, digits and `_ - . ,`, at most 100 characters,
 * neither `.` nor `..` (artifact-format section 5).
 */
export function isPayloadFileName(name: string): boolean {
  return PAYLOAD_FILE.test(name) && name !== "." && name !== "..";
}

/** Whether a state script may have this name: state, point, two digits, text (artifact-format section 4). */
export function isScriptName(name: string): boolean {
  return name.length <= 255 && SCRIPT.test(name);
}

/** Whether a text is 1 to 256 printable characters; the only blank among them is the space. */
export function isPrintableName(text: string): boolean {
  return PRINTABLE.test(text) && [...text].length <= 256;
}
