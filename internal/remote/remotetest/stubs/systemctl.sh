#!/bin/sh
# systemctl VERB ... UNIT: a unit is active or enabled while it has a file of that name.
verb=
now=
names=
while [ $# -gt 0 ]; do
  case $1 in
    -p) shift ;;
    --now) now=yes ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$1; else names="$names $1"; fi ;;
  esac
  shift
done
mkdir -p "$SIMULATED/active" "$SIMULATED/enabled"
for unit in $names; do
  case $verb in
    show)
      active=inactive
      enabled=disabled
      [ -e "$SIMULATED/active/$unit" ] && active=active
      [ -e "$SIMULATED/enabled/$unit" ] && enabled=enabled
      main=0
      [ $active = inactive ] || main=4711
      printf 'LoadState=loaded\nActiveState=%s\nUnitFileState=%s\nNeedDaemonReload=no\nMainPID=%s\n' $active $enabled $main
      ;;
    start | restart) : >"$SIMULATED/active/$unit" ;;
    stop) rm -f "$SIMULATED/active/$unit" ;;
    enable) : >"$SIMULATED/enabled/$unit"; [ -z "$now" ] || : >"$SIMULATED/active/$unit" ;;
    disable) rm -f "$SIMULATED/enabled/$unit"; [ -z "$now" ] || rm -f "$SIMULATED/active/$unit" ;;
    is-active) [ -e "$SIMULATED/active/$unit" ] || exit 3 ;;
  esac
done
exit 0
