#!/bin/sh
# ip route replace NETWORK dev ... remembers it, ip route del NETWORK ... forgets it,
# ip -o -4 route show tells all; ip link show finds the interface while a tincd runs.
case $* in
  'route replace '*)
    set -- "${3}" "$*"
    [ ! -e "$SIMULATED/routes" ] || sed -i "\\|^$1 |d" "$SIMULATED/routes"
    echo "${2#route replace }" >>"$SIMULATED/routes"
    ;;
  'route del '*) sed -i "\\|^$3 |d" "$SIMULATED/routes" ;;
  *'route show'*) [ ! -e "$SIMULATED/routes" ] || cat "$SIMULATED/routes" ;;
  *'link show'*) set -- "$SIMULATED"/active/tinc@*; [ -e "$1" ] ;;
esac
