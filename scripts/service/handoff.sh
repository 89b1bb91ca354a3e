#!/bin/sh
# handoff.sh MARKER LOG PROGRAM [ARG...]
#
# Becomes the sub-updater: leaves the start marker (process ID, boot ID, start time), then runs the
# program in place of this script, with its output appended to LOG.
#
# The marker is linked into place, which fails when it is there already: of two scripts that were started
# for the same deployment, because a client was killed and came back, one goes on and the other ends.
# MARKER.failed appears where the shell can tell that the program could not be run (BusyBox can not).
set -u
unset NOTIFY_SOCKET # how the daemon stands is not the sub-updater's to tell
marker=$1
log=$2
shift 2
{ echo "$$"; "${0%/*}/process_identity.sh" "$$"; } >"$marker.$$" || exit 125
sync "$marker.$$" 2>/dev/null || sync
ln "$marker.$$" "$marker" 2>/dev/null
is_first=$?
rm -f "$marker.$$"
[ "$is_first" -eq 0 ] || exit 0
sync "${marker%/*}" 2>/dev/null || sync
rm -f "$log" # what an earlier deployment wrote there is not this one's

# Reached only when the program cannot be run at all, for want of its interpreter, say.
trap 'echo "$?" >"$marker.failed"' EXIT
exec "$@" </dev/null >>"$log" 2>&1
