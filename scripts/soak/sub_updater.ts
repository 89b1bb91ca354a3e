import { join } from "node:path";
import { shellLine } from "../../lib/core/shell_words.ts";
import type { ClientRig } from "../../tests/support/client_rig.ts";
import type { Machine } from "./machine.ts";

/**
 * Writes a sub-updater, which notes the deployment, then succeeds, fails, asks update control, reboots or
 * says nothing, by the last digit of its ID; and the step that it has at each boot, which reports what a
 * reboot or a power cut came before. What `report` took is noted as well.
 *
 * @param mayReboot Whether it reboots; a device that must not succeeds instead.
 */
export function writeSubUpdater(rig: ClientRig, machine: Machine, mayReboot: boolean): void {
  const command = shellLine(rig.command("report"));
  const { lock } = rig.paths;
  const installed = join(rig.root, "installed");
  // 0: the server knows it, 3: the daemon will tell it.
  const functions = `report() {
  ${command} "--$1"
  code=$?
  case $code in 0 | 3) echo "$id $1" >> ${reportedFile(rig)} ;; esac
  [ $code -eq 0 ] && rm -f ${lock}
}
commit() {
  ${shellLine(rig.command("flow", "wait", "ArtifactCommit_Enter"))}
  case $? in
    0) echo "$id" >> ${committedFile(rig)}; report success ;;
    1) report failure ;;
  esac
}`;
  rig.script(
    rig.paths.installScript,
    `${functions}
id=$(cat ${lock})
echo "$id" >> ${installed}
kind=$(printf '%s' "$id" | tail -c 1)
case $kind in
  0) exit 1 ;;
  1) rm ${lock}; exit 0 ;;
  [234]) report failure; exit 0 ;;
  [bc]) commit; exit 0 ;;
  [def]) ${mayReboot ? `${command} --status rebooting; exec touch ${machine.rebootFile}` : ""} ;;
esac
sleep 0.5
report success`,
  );
  rig.script(
    machine.bootStep,
    `${functions}
id=$(cat ${lock} 2>/dev/null) || exit 0
[ -n "$id" ] || exit 0
# What was not begun is not there.
grep -q "$id" ${installed} || { report failure; exit 0; }
case $id in
  *[01234d]) report failure ;;
  *[bc]) commit ;;
  *) report success ;;
esac`,
  );
}

/** What `report` took, for each deployment; the first counts. */
export function reported(rig: ClientRig): Map<string, string> {
  const taken = new Map<string, string>();
  for (const line of rig.read(reportedFile(rig)).split("\n")) {
    const [id = "", outcome = ""] = line.split(" ");
    if (outcome !== "" && !taken.has(id)) taken.set(id, outcome);
  }
  return taken;
}

/** Where deployments are noted that update control has let commit. */
export function committedFile(rig: ClientRig): string {
  return join(rig.root, "committed");
}

function reportedFile(rig: ClientRig): string {
  return join(rig.root, "reported");
}
