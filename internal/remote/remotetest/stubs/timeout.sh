#!/bin/sh
# timeout SECONDS COMMAND: whoever dials gets through at once, but to the ports in
# the list ("203.0.113.12/655"), which drop what comes.
said=$*
case $said in
  *'exec 3<>/dev/tcp/'*)
    ! grep -qsxF -- "${said##*/dev/tcp/}" "$SIMULATED/closed" || exit 124
    exit 0
    ;;
esac
exec /usr/bin/timeout "$@"
