#!/bin/sh
# systemd_unit.sh start UNIT PROGRAM [ARG...]
# systemd_unit.sh state UNIT
#
# start: has systemd run a program as a transient service, outside the sandbox and the life of whoever
# asks. Only the program itself is stopped with the unit (KillMode=process): an installer may leave
# something running. systemd refuses a second unit of the same name.
# state: prints "active", "activating", "inactive" … ; a unit that is not there is "inactive".
set -u
verb=$1
unit=$2
shift 2
case $verb in
  start)
    exec systemd-run --quiet --no-block --collect --unit="$unit" \
      --description="Sub-updater of mender-deno" \
      --property=KillMode=process --setenv=PATH="$PATH" -- "$@"
    ;;
  state) exec systemctl show --property=ActiveState --value -- "$unit.service" ;;
esac
exit 2
