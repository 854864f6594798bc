#!/bin/sh
# systemd-run --unit=NAME --on-active=SECONDS ... COMMAND: a timer that fires unless it is stopped.
unit=
seconds=
while [ $# -gt 0 ]; do
  case $1 in
    --unit=*) unit=${1#*=}.timer ;;
    --on-active=*) seconds=${1#*=} ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
mkdir -p "$SIMULATED/active"
: >"$SIMULATED/active/$unit"
(
  sleep "$seconds"
  if [ -e "$SIMULATED/active/$unit" ]; then rm -f "$SIMULATED/active/$unit"; exec "$@"; fi
) </dev/null >/dev/null 2>&1 &
