#!/bin/sh
# run_bounded.sh PROGRAM [ARG...]
#
# Runs a program in a session of its own and ends when it does, with its exit code. When our standard
# input ends, which also happens when whoever started us dies, the whole session is killed: a script
# that hangs takes its children with it.
set -u
# Standard error is the program's alone: bash tells there of a program that was killed.
exec 3<&0 </dev/null 4>&2 2>/dev/null

setsid "$@" 2>&4 3<&- 4>&- &
program=$!
exec 4>&-

# "-9 -PID" is the one spelling that dash, bash and BusyBox share. The plain form serves the instant
# in which setsid has not made the session yet.
{ read -r _ <&3; kill -9 "-$program" || kill -9 "$program"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-

wait "$program"
code=$?
kill "$watcher" 2>/dev/null
kill -9 "-$program" 2>/dev/null
exit "$code"
