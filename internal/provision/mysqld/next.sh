# What the next start of the server that answered in $rows would have. Its shell is the
# one that the question runs in.
# shellcheck disable=SC2154
next=null beside=$(printf '%s\n' "$rows" | grep '^beside	')
# As the unit does it: mysqld as its own user, which reads what that may read.
says() { timeout 30 setpriv --reuid=mysql --regid=mysql --clear-groups mysqld --persisted-globals-load=OFF --verbose --help; }
if [ -n "$beside" ]; then
  if said=$(says 2>/dev/null); then
    next=$(printf '%s\n' "$said" | beside=$beside awk '
      $2 == "Ver" && version == "" { version = $3 }
      /^-+ -+$/ { table = 1; next }
      table && /^$/ { table = 0; whole = 1 }
      table {
        name = $1; gsub(/-/, "_", name); if (name == "default_time_zone") name = "time_zone"
        if (!index(ENVIRON["beside"], "\"" name "\"")) next
        value = substr($0, length($1) + 1); sub(/^ +/, "", value)
        gsub(/[\\"]/, "\\\\&", value)
        values = values (values == "" ? "" : ", ") "\"" name "\": \"" value "\""
      }
      END { if (whole) printf "{\"version\": \"%s\", \"values\": {%s}}", version, values; else print "null" }')
  else
    why=$(says 2>&1 >/dev/null | grep -i error | tail -n 1 | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')
    [ -z "$why" ] || next="{\"error\": \"$why\"}"
  fi
fi
printf 'next\t%s\n' "$next"
