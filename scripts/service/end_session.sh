#!/bin/sh
# end_session.sh SESSION
#
# Waits until our standard input ends, which also happens when whoever started us dies, then ends every
# process of the session, background jobs included: they are told that the terminal has hung up,
# a second later to terminate, and a second after that they are killed. Ends once none is left, at the
# latest after some four seconds. A process that has left for a session of its own is not touched.
set -u
session=$1

# A signal to all of a unit or a group is not for us: whoever started us may need longer, or be killed.
trap '' HUP INT TERM
while read -r _; do :; done

members() {
  for stat in /proc/[0-9]*/stat; do
    { read -r line <"$stat"; } 2>/dev/null || continue
    pid=${stat#/proc/}
    # Behind the name, in parentheses: state, parent, group, session.
    # shellcheck disable=SC2086
    set -- ${line##*) }
    [ "$4" = "$session" ] || continue
    case $1 in
      Z | X) ;;
      *) echo "${pid%/stat}" ;;
    esac
  done
}

for signal in HUP TERM KILL KILL; do
  pids=$(members)
  [ -n "$pids" ] || exit 0
  # A stopped job has to wake up to hear of it.
  # shellcheck disable=SC2086
  kill -"$signal" $pids 2>/dev/null
  # shellcheck disable=SC2086
  kill -CONT $pids 2>/dev/null
  tries=0
  while [ $tries -lt 10 ]; do
    [ -n "$(members)" ] || exit 0
    sleep 0.1 2>/dev/null || sleep 1
    tries=$((tries + 1))
  done
done
exit 1
