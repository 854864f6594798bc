#!/bin/sh
# ip route replace NETWORK ... remembers it, ip -o route show NETWORK ... tells.
for word; do
  case $word in
    replace) verb=replace ;;
    show) verb=show ;;
    route | -* | link) ;;
    *) network=${network:-$word} ;;
  esac
done
case $verb in
  replace) echo "$network" >>"$SIMULATED/routes" ;;
  show) grep -sxF -- "$network" "$SIMULATED/routes" || : ;;
esac
