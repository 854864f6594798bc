#!/bin/sh
# dpkg-query -W -f FORMAT NAME...
shift 2
format=$1
shift
for name in "$@"; do
  grep -qx -- "$name" "$SIMULATED/packages" || { code=1; continue; }
  printf '%b' "$(printf %s "$format" | sed "s/\${Package}/$name/; s/\${db:Status-Abbrev}/ii/; s/\${Version}/1.0-1/")"
done
exit "${code:-0}"
