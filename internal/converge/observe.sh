# Each row is the number of an item and words. A word that begins with a dot is
# base64; one that is an exclamation mark says that the rest is why not.
# shellcheck disable=SC2034 # the probes that follow use it
nl='
'
text() { # text: as one word
  printf '.%s' "$(printf %s "$1" | base64 -w0)"
}
fail() { # index reason
  echo "$1 ! $(text "$2")"
}
# That it is not there, if that is so. What another process has just put there is
# looked at again by the function that did not find it.
missing() { # index path function
  if absent "$2"; then echo "$1 missing"
  elif [ -e "$2" ] || [ -L "$2" ]; then "$3" "$1" "$2"
  else fail "$1" "$(LC_ALL=C stat -- "$2" 2>&1)"; fi
}
record() { # index path
  if [ -f "$2" ]; then
    if record=$(base64 -w0 <"$2"); then echo "$1 .$record"; else fail "$1" "$2 cannot be read"; fi
  elif [ -e "$2" ] || [ -L "$2" ]; then fail "$1" "$2 is not a regular file"
  else missing "$1" "$2" record; fi
}
system() {
  name=$(. /etc/os-release 2>/dev/null; printf %s "$PRETTY_NAME")
  if [ -d /run/systemd/system ]; then init=systemd; else init=-; fi
  if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then family=apt; else family=-; fi
  echo "system $(text "$name") $init $family"
}
