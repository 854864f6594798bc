# Installs the packages in "$@" without starting anything.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
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
install() {
  apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install "$@" >/dev/null
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
