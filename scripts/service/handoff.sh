#!/bin/sh
# handoff.sh MARKER LOG PROGRAM [ARG...]
#
# Becomes the sub-updater: writes the start marker (boot ID, process ID, start time), so that a
# client which was killed in this moment knows that the program was started, then runs the program in
# place of this script with its output appended to LOG.
set -u
marker=$1
log=$2
shift 2
here=${0%/*}
{ echo "$$"; "$here/process_identity.sh" "$$"; } >"$marker.new" || exit 125
sync "$marker.new" 2>/dev/null || sync
mv "$marker.new" "$marker" || exit 125
exec "$@" </dev/null >>"$log" 2>&1
