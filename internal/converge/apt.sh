# Installs the packages in "$@", each NAME or NAME=VERSION, without starting anything;
# with --download-only in $only it fetches them for another time. What stands in the
# directory $instead is called by their scripts in place of programs of that name.
# shellcheck disable=SC2154
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 NEEDRESTART_SUSPEND=1
export PATH="$instead:$PATH"
policy=/usr/sbin/policy-rc.d
kept=$policy.atoll-kept
restore() {
  if grep -qs 'kept by Atoll' $policy; then rm -f $policy; fi
  if [ -e $kept ]; then mv -f $kept $policy; fi
}
# A killed run may have left its policy; the user's own comes back first.
restore
if [ -e $policy ]; then mv $policy $kept; fi
trap restore EXIT
printf '#!/bin/sh\n# kept by Atoll while it installs packages\nexit 101\n' >$policy
chmod 0755 $policy
tries=0 broken=
while dpkg --audit | grep -q . && ! said=$(dpkg --configure -a 2>&1); do
  # What only lacks a dependency is apt's to mend.
  case $said in *lock*) ;; *) broken=yes; break ;; esac
  tries=$((tries + 1))
  if [ $tries -gt 200 ]; then printf 'dpkg is busy for too long: %s\n' "$said" >&2; exit 1; fi
  sleep 3
done
update() { apt-get -q -o DPkg::Lock::Timeout=600 -o APT::Update::Error-Mode=any update >/dev/null; }
fresh=$(find /var/lib/apt/lists -maxdepth 1 -type f -name '*_Packages*' -mmin -360 2>/dev/null | head -n 1)
for name in "$@"; do
  if ! apt-cache show --no-all-versions "$name" >/dev/null 2>&1; then fresh=; fi
done
if [ -z "$fresh" ]; then update; fi
# companions adds to $exact what packages of a version need and have in that very one:
# apt takes the newest of each by itself, and finds that they do not fit.
companions() { # version name…
  version=$1
  shift
  while [ $# -gt 0 ]; do
    needs=$(for name in "$@"; do apt-cache show --no-all-versions "$name=$version"; done | sed -n 's/^\(Pre-\)\{0,1\}Depends: //p' | tr , '\n' | sed 's/^ *//; s/[ :|].*//' | sort -u)
    set --
    # shellcheck disable=SC2086
    for name in $(apt-cache madison $needs 2>/dev/null | awk -F ' *[|] *' -v version="$version" '$2 == version {sub(/^ */, "", $1); print $1}' | sort -u); do
      case " $exact " in *" $name=$version "*) ;; *) exact="$exact $name=$version"; set -- "$@" "$name" ;; esac
    done
  done
}
install() {
  exact=
  for name in "$@"; do
    case $name in *=*) exact="$exact $name"; companions "${name#*=}" "${name%%=*}" ;; esac
  done
  # A version that was asked for counts more than a hold, which stays.
  # shellcheck disable=SC2086
  apt-get -q -y --no-install-recommends $only ${exact:+--allow-change-held-packages} -o DPkg::Lock::Timeout=600 -o "DPkg::Path=$PATH" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@" $exact >/dev/null
}
if [ -n "$broken" ] && ! said=$(install --fix-broken 2>&1); then
  update
  install --fix-broken
fi
if ! said=$(install "$@" 2>&1); then
  # The lists may name versions that the mirror no longer has.
  update
  install "$@"
fi
[ -n "$only" ] || rm -rf "$instead"
