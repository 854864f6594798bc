# Installs the packages in "$@", each NAME or NAME=VERSION, without starting anything;
# with --download-only in $only it fetches them for another time. What stands in the
# directory $instead is called by their scripts in place of programs of that name.
# shellcheck disable=SC2154
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
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
broken=
# What only lacks a dependency is apt's to mend.
if dpkg --audit | grep -q . && ! unlocked dpkg --configure -a; then broken=yes; fi
update() { unlocked apt-get -q -o APT::Update::Error-Mode=any update || complain; }
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
  # A version that was asked for counts more than a hold, which stays. Only an apt that
  # does not wait itself says who has the lock.
  # shellcheck disable=SC2086
  apt-get -q -y -o DPkg::Lock::Timeout=0 --no-install-recommends $only ${exact:+--allow-change-held-packages} -o "DPkg::Path=$PATH" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@" $exact >/dev/null
}
installed() { # what install takes
  unlocked install "$@" && return
  # The lists may name versions that the mirror no longer has.
  update
  unlocked install "$@" || complain
}
if [ -n "$broken" ]; then installed --fix-broken; fi
installed "$@"
[ -n "$only" ] || rm -rf "$instead"
