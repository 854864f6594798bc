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
      /^-+ -+$/ { table = 1; width = length($1); next }
      # A value with a line break goes on here, where no name stands in its column: of that
      # one nothing is said, and of those neither that JSON has no room for.
      table && blank && /^To see what/ { table = 0; whole = 1 }
      table && /^$/ { blank = 1; next }
      table && (blank || substr($0, 1, width + 1) !~ /^[a-z0-9-]+ +$/) { delete values[last]; blank = 0; next }
      table {
        last = $1; gsub(/-/, "_", last); if (last == "default_time_zone") last = "time_zone"
        value = substr($0, length($1) + 1); sub(/^ +/, "", value)
        if (!index(ENVIRON["beside"], "\"" last "\"") || value ~ /[[:cntrl:]]/) next
        gsub(/[\\"]/, "\\\\&", value)
        values[last] = value
      }
      END {
        for (name in values) list = list (list == "" ? "" : ", ") "\"" name "\": \"" values[name] "\""
        if (whole) printf "{\"version\": \"%s\", \"values\": {%s}}", version, list; else print "null"
      }')
  else
    why=$(says 2>&1 >/dev/null | grep -i error | tail -n 1 | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')
    [ -z "$why" ] || next="{\"error\": \"$why\"}"
  fi
fi
printf 'next\t%s\n' "$next"
