import { quoted } from "../../lib/core/shell_words.ts";
/** What the demo's sub-updater needs to know; all are absolute paths or whole command lines. */
export interface SubUpdaterParts {
  /** Directory that the payload is installed to. */
  readonly target: string;
  /** The `artifact_info` file. */
  readonly artifactInfo: string;
  /** The lock file. */
  readonly lock: string;
  /** Name that the device has once the update is installed. */
  readonly artifactName: string;
  /** Command and arguments that run `report`, without its outcome. */
  readonly report: readonly string[];
}

/**
 * The demo's sub-updater: a shell script of the kind that a device has at `/usr/share/mender/install`.
 * It unpacks the verified Artifact, swaps the new directory in, reports, and removes the lock.
 */
export function subUpdaterScript(parts: SubUpdaterParts): string {
  return `#!/bin/sh
# usage: install ARTIFACT
set -u
target=${quoted(parts.target)}

report() {
  # The lock stays when the report fails: the daemon then keeps waiting and delivers it later.
  ${parts.report.map(quoted).join(" ")} "$1" && rm -f ${quoted(parts.lock)}
}

install_artifact() {
  rm -rf "$target.new" && mkdir -p "$target.new" "$target.unpacked" || return 1
  echo "Unpacking $1"
  tar -xf "$1" -C "$target.unpacked" data/0000.tar || return 1
  tar -xf "$target.unpacked/data/0000.tar" -C "$target.new" || return 1
  rm -rf "$target.unpacked"
  echo "Installing $(ls "$target.new")"
  sleep 1
  rm -rf "$target.old"
  if [ -d "$target" ]; then mv "$target" "$target.old" || return 1; fi
  mv "$target.new" "$target" || return 1
  echo artifact_name=${quoted(parts.artifactName)} >${quoted(parts.artifactInfo)}
}

if install_artifact "$1"; then
  echo "Installed; reporting success"
  report --success
else
  echo "The installation failed; reporting failure"
  report --failure
fi
`;
}
