# unlocked runs what needs the locks of apt and dpkg, again for as long as somebody else
# has one, and leaves in $said what was said. All of its calls wait together for as many
# seconds as the machine's own DPkg::Lock::Timeout says, or 600: who has not let go of a
# lock by then will not for a second try either.
export LC_ALL=C.UTF-8
patience=
eval "$(apt-config shell patience DPkg::Lock::Timeout/i)"
[ "${patience:-0}" -gt 0 ] || patience=600
waited=0
unlocked() { # command…
  until said=$("$@" 2>&1); do
    case $said in *'Could not get lock'* | *' locked by '*) ;; *) return 1 ;; esac
    if [ $waited -ge "$patience" ]; then locked; fi
    waited=$((waited + 3))
    sleep 3
  done
}
# locked ends all with who has the lock, and the way out.
locked() {
  file=$(printf '%s\n' "$said" | sed -n 's/.*Could not get lock \(\/[^ ]*[^ .]\).*/\1/p' | head -n 1)
  holder=$(printf '%s\n' "$said" | sed -n 's/.*held by process \([0-9]*\).*/\1/p; s/.*process with pid \([0-9]*\).*/\1/p' | head -n 1)
  who='another process' end='end it'
  if [ -n "$holder" ]; then
    command=$(tr '\0' ' ' 2>/dev/null <"/proc/$holder/cmdline") || command=
    since=$(ps -o lstart= -p "$holder" 2>/dev/null) || since=
    who="process $holder (${command% }${since:+, since $since})" end="end it (kill $holder)"
  fi
  printf '%s has locked the packages of the machine (%s) for %s s and more. Let it end, and apply again; where it hangs, %s, run dpkg --configure -a, and apply again\n' \
    "$who" "${file:-/var/lib/dpkg/lock-frontend}" "$waited" "$end" >&2
  exit 1
}
# complain ends all with what was said.
complain() {
  printf '%s\n' "$said" >&2
  exit 1
}
