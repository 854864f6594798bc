# Arms the host's own way back. Before this stand: base, name, id, wait, unit,
# back and the functions keep (for each path: keep_file) and absent. What it
# writes for later is not to be expanded now.
# shellcheck disable=SC2154,SC2016
dir=$base/$name.$id
# Others have their own below its parent: that one is nobody's secret.
(umask 022; mkdir -p "${base%/*}")
umask 077
mkdir -p "$base"
pending() { # the directory of a change of this name that is neither proven nor taken back
  for one in "$base/$name".*; do
    case $one in *.new|*.done|*.restored) continue ;; esac
    if [ -d "$one" ]; then echo "$one"; return; fi
  done
  return 1
}
# A change that is not proven comes to its end first: its own run proves it, or
# the host goes back. A host whose timer was lost is helped.
while one=$(pending); do
  if [ "$(date +%s)" -gt "$(cat "$one/deadline")" ]; then sh "$one/restore"; else sleep 1; fi
done
for left in "$base/$name".*.new "$base/$name".*.done; do
  # What cannot be removed now is left to the next change.
  if [ -d "$left" ] && { [ ! -f "$left/discard" ] || sh "$left/discard"; }; then rm -rf "$left"; fi
done
rm -f "$base/$name".*.restored
mkdir "$dir.new"
cp /dev/null "$dir.new/files"
keep_file() { # path copy: remembers how the path is put back
  printf 'rm -f -- %s || exit\n' "$(quoted "$2")" >>"$dir.new/discard"
  if [ -L "$1" ] || there "$1"; then
    cp -a -- "$1" "$2"
    printf 'if [ -e %s ] || [ -L %s ]; then mv -fT -- %s %s; fi\nsync -- %s\n' "$(quoted "$2")" "$(quoted "$2")" "$(quoted "$2")" "$(quoted "$1")" \
      "$(quoted "$(dirname -- "$1")")" >>"$dir.new/files"
    if [ ! -L "$2" ]; then sync -- "$2"; fi
    sync -- "$(dirname -- "$1")"
  else
    printf 'rm -f -- %s\n' "$(quoted "$1")" >>"$dir.new/files"
  fi
}
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
keep
{
  printf 'dir=%s\n' "$(quoted "$dir")"
  # Whoever renames it has it: this, or the run that has proven the change.
  printf '%s\n' 'mv -T "$dir" "$dir.back" 2>/dev/null || [ -d "$dir.back" ] || exit 0' ': >"$dir.restored"'
  cat "$dir.new/files"
  printf '%s\nrm -rf "$dir.back"\n' "$back"
} >"$dir.new/restore"
echo $(($(date +%s) + wait + 30)) >"$dir.new/deadline"
sync -- "$dir.new/files" "$dir.new/restore" "$dir.new/deadline" "$dir.new"
# At boot the files come back before anything reads them.
printf '%s\n' "$unit" >/etc/systemd/system/.atoll-way-back.service
chmod 0644 /etc/systemd/system/.atoll-way-back.service
mv -f /etc/systemd/system/.atoll-way-back.service /etc/systemd/system/atoll-way-back.service
mkdir -p /etc/systemd/system/sysinit.target.wants
ln -sfn ../atoll-way-back.service /etc/systemd/system/sysinit.target.wants/atoll-way-back.service
# Somebody else may have begun to go back, and been killed in it.
systemd-run --quiet --collect --unit="atoll-way-back-$name-$id" --on-active="$wait" --timer-property=AccuracySec=500ms \
  /bin/sh -c 'for one in "$1" "$1.back"; do [ ! -f "$one/restore" ] || sh "$one/restore"; done' way-back "$dir"
mv -T "$dir.new" "$dir"
sync -- "$base"
