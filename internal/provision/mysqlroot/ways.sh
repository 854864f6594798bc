# Tries a new connection to each other member that is online, and prints a line for each
# that let it in, its endpoint and "yes", and for each that no packet reaches and that is
# online still, with the client's error. Of whom neither is known there is no line: a
# server that has too much to do does not answer in time, its kernel does. It takes less
# than the ten seconds that a question may which is asked ahead.
# shellcheck shell=bash disable=SC2154,SC2016
online() {
  root -e "SELECT CONCAT(member_host, ' ', member_port) FROM performance_schema.replication_group_members
   WHERE member_state = 'ONLINE' AND member_id <> @@server_uuid" 2>/dev/null
}
try() {
  if said=$( (login "$1" "$2" --connect-timeout=4) 2>&1 <<<'SELECT 1'); then
    printf '%s:%s yes\n' "$1" "$2"
    return
  fi
  for _ in 1 2; do
    if timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; then return; fi
  done
  if grep -qxF "$1 $2" <<<"$(online)"; then printf '%s:%s %s\n' "$1" "$2" "$(tail -n 1 <<<"$said")"; fi
}
if [ "$user" ] && others=$(online) && [ "$others" ]; then
  while read -r host port; do try "$host" "$port" & done <<<"$others"
  wait
fi
