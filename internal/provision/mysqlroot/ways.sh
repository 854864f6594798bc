# Tries a new connection to each other member that is online, twice where the first
# fails, and prints a line for each that is online still: its endpoint, and "yes" or the
# client's error. Where the server is in no group there is nothing to print.
# shellcheck shell=bash disable=SC2154
online() {
  root -e "SELECT CONCAT(member_host, ' ', member_port) FROM performance_schema.replication_group_members
   WHERE member_state = 'ONLINE' AND member_id <> @@server_uuid" 2>/dev/null
}
dial() { said=$( (login "$1" "$2") 2>&1 <<<'SELECT 1') && said=yes; }
try() {
  dial "$1" "$2" || dial "$1" "$2" || said=$(tail -n 1 <<<"$said")
  [ "$said" = yes ] || grep -qxF "$1 $2" <<<"$(online)" || return
  printf '%s:%s %s\n' "$1" "$2" "$said"
}
if [ "$user" ] && others=$(online) && [ "$others" ]; then
  while read -r host port; do try "$host" "$port" & done <<<"$others"
  wait
fi
