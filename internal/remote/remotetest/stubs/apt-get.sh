#!/bin/sh
# apt-get ... install NAME... remembers the names; apt-get ... update remembers the
# source that it was sent to alone, and finds none at nowhere.example.
list=
while [ $# -gt 0 ]; do
  case $1 in
    -o) shift; case $1 in Dir::Etc::sourcelist=*) list=${1#*=} ;; esac ;;
    -*) ;;
    update)
      verb=$1
      if [ -n "$list" ]; then
        if grep -q nowhere.example "$list"; then echo "E: The repository 'http://nowhere.example' does not have a Release file." >&2; exit 100; fi
        cat "$list" >>"$SIMULATED/fetched"
      fi
      ;;
    install) verb=$1 ;;
    *)
      if [ "$verb" = install ]; then
        grep -qw -- "$1" "$SIMULATED/installable" || { echo "E: Unable to locate package $1" >&2; exit 100; }
        echo "$1" >>"$SIMULATED/packages"
      fi
      ;;
  esac
  shift
done
