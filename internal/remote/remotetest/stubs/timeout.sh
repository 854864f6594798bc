#!/bin/sh
# timeout SECONDS COMMAND… SCRIPT HOST PORT: whoever dials gets through at once, but to
# the ports in the list ("203.0.113.12/655"), which drop what comes.
# shellcheck disable=SC2016 # these are the words as they stand
case $* in
  *'exec 3<>"/dev/tcp/$0/$1"'*)
    shift $(($# - 2))
    ! grep -qsxF -- "$1/$2" "$SIMULATED/closed" || exit 124
    exit 0
    ;;
esac
exec /usr/bin/timeout "$@"
