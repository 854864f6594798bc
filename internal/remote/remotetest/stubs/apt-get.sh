#!/bin/sh
# apt-get ... install NAME... remembers the names.
while [ $# -gt 0 ]; do
  case $1 in
    -o) shift ;;
    -*) ;;
    update | install) verb=$1 ;;
    *)
      if [ "$verb" = install ]; then
        grep -qw -- "$1" "$SIMULATED/installable" || { echo "E: Unable to locate package $1" >&2; exit 100; }
        echo "$1" >>"$SIMULATED/packages"
      fi
      ;;
  esac
  shift
done
