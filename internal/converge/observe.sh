probe() { # index script: output and exit code, in base64 so that nothing in it can be taken for ours
  printf 'probe %s %s\n' "$1" "$({ (eval "$2") </dev/null 2>/dev/null; printf '\n%d' $?; } | base64 -w0)"
}
question() { # index script: output, exit code and complaint
  printf 'question %s .%s\n' "$1" "$({
    said=$( (eval "$2") </dev/null 2>&1 >&3 3>&-)
    printf '\n%d .%s' $? "$(printf %s "$said" | tail -c 600 | base64 -w0)" >&3
  } 3>&1 | base64 -w0)"
}
guard() { # index script
  (eval "$2") </dev/null >/dev/null 2>&1
  printf 'guard %s %d\n' "$1" $?
}
file() { # index path
  if [ -L "$2" ]; then printf 'file %s link\n' "$1"
  elif [ -f "$2" ]; then printf 'file %s regular %s %s\n' "$1" "$(stat -c '%a %U %G' -- "$2")" "$(sha256sum <"$2" | cut -c1-64)"
  elif [ -e "$2" ]; then printf 'file %s other\n' "$1"
  else printf 'file %s missing\n' "$1"; fi
}
directory() { # index path
  if [ -d "$2" ]; then printf 'directory %s %s\n' "$1" "$(stat -L -c '%a %U %G' -- "$2")"
  elif [ -e "$2" ]; then printf 'directory %s other\n' "$1"
  else printf 'directory %s missing\n' "$1"; fi
}
link() { # index path
  if [ -L "$2" ]; then printf 'link %s is %s\n' "$1" "$(readlink -n -- "$2" | base64 -w0)"
  elif [ -e "$2" ]; then printf 'link %s other\n' "$1"
  else printf 'link %s missing\n' "$1"; fi
}
user() { # index name
  if id -u "$2" >/dev/null 2>&1; then printf 'user %s %s\n' "$1" "$(id -Gn "$2" | base64 -w0)"
  else printf 'user %s missing\n' "$1"; fi
}
setting() { # index key
  printf 'sysctl %s %s\n' "$1" "$(tr -s '\t' ' ' <"/proc/sys/$(printf %s "$2" | tr . /)" 2>/dev/null | base64 -w0)"
}
packages() { # names
  dpkg-query -W -f 'package ${Package} ${db:Status-Abbrev} ${Version}\n' "$@" 2>/dev/null
}
unit() { # index name
  printf 'unit %s %s\n' "$1" "$(systemctl show -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload -- "$2" 2>/dev/null | tr '\n' ' ')"
}
record() { # path
  if [ -f "$1" ]; then printf 'record .%s\n' "$(base64 -w0 <"$1")"
  elif absent "$1"; then printf 'record none\n'; fi
}
system() {
  (. /etc/os-release 2>/dev/null; printf 'system %s\n' "$(printf '%s\n' "$ID" "$ID_LIKE" "$PRETTY_NAME" | base64 -w0)")
  [ -d /run/systemd/system ] && echo systemd
  command -v apt-get >/dev/null && command -v dpkg >/dev/null && echo apt
  :
}
