#!/bin/sh
# process_identity.sh PID
#
# Prints the boot ID of the machine and, when there is such a process, when it started (clock ticks
# since boot): together they tell a process from a later one with the same ID.
set -u
cat /proc/sys/kernel/random/boot_id
{ read -r line <"/proc/$1/stat"; } 2>/dev/null || exit 0
# The name, in parentheses, may hold anything; 20 fields behind its end stands the start time.
# shellcheck disable=SC2086
set -- ${line##*) }
echo "${20}"
