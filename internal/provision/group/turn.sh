# Takes a group's turn from one of its members: a lock of the same name on each
# member that answers, in the order given, by sessions that end with this
# script; and this script ends with its standard input. Arguments: the
# directory for what it says, the name of the lock, who holds it, how many
# members there are, then three for each: its name, "self" or its address, and
# its port. It follows account.sh of mysqlroot, and who runs it sets socket.
# shellcheck disable=SC2154
dir=$1 name=$2 holder=$3 total=$4
shift 4
umask 077
mkdir -p "${dir%/*}"
mkdir "$dir" || exit 1
pids=()
finish() {
  trap - EXIT
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  rm -rf "$dir"
  exit "${1:-0}"
}
trap 'finish 1' EXIT HUP INT TERM
# A client that is refused may have ended before it is written to; what it said
# counts, and not that nobody reads any more.
trap '' PIPE
say() { printf '%s\n' "$*" >"$dir/new"; mv -f "$dir/new" "$dir/status"; }

# alive waits a moment for a sign of life. Silence for a minute is an end, too:
# a line that was cut does not say so.
last=$SECONDS
alive() {
  local code=0
  read -r -t 0.2 _ || code=$?
  if [ "$code" = 0 ]; then last=$SECONDS; fi
  [ "$code" != 1 ] && [ $((SECONDS - last)) -lt 60 ]
}

# client reads statements for one member.
client() {
  if [ "$1" = self ]; then
    exec mysql --no-defaults --user=root --socket="$socket" --connect-timeout=10 --skip-column-names --batch --raw --unbuffered
  fi
  login "$1" "$2"
}

# gone address port: whether the group, as the server here sees it, has lost a member.
# One whose machine lost its power in the middle of a wait says nothing for ever, and
# no clock of ours tells it from one at which others have the turn.
gone() {
  case $1 in self|*[!A-Za-z0-9.:_-]*) return 1 ;; esac
  # Its own server may stand still, too: then it has not said so.
  [ "$(timeout 10 mysql --no-defaults --user=root --socket="$socket" --connect-timeout=10 --skip-column-names --batch --raw -e "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_host = '$1' AND member_port = $2 AND member_state = 'ONLINE'" 2>/dev/null)" = 0 ]
}

# take asks all members once.
members=("$@")
asked=0
take() {
  held=() refused='' interrupted=''
  set -- "${members[@]}"
  while [ $# -gt 0 ]; do
    out=$dir/out.$asked
    : >"$out"
    asked=$((asked + 1))
    exec {in}> >(client "$2" "$3" >"$out" 2>&1)
    pid=$!
    pids+=("$pid") ins+=("$in")
    say "waiting $1"
    waited=0
    printf "SET SESSION wait_timeout = 31536000, @atoll_turn = '%s';\nSELECT GET_LOCK('%s', 31536000);\n" "$holder" "$name" 1>&"$in" 2>/dev/null
    while :; do
      alive || finish 1
      # In this order: one that has ended has said what it had to say.
      running=yes
      kill -0 "$pid" 2>/dev/null || running=
      answer=$(tail -n 1 "$out")
      if [ "$running" ] && [ "$answer" = 1 ]; then held+=("$pid"); break; fi
      if [ -n "$answer" ] || [ -z "$running" ]; then
        case $answer in *'ERROR 1317'*|*'ERROR 2013'*|*'ERROR 1053'*) interrupted=yes ;; esac
        refused="$refused$1: ${answer:-no answer}; "
        break
      fi
      waited=$((waited + 1))
      if [ $((waited % 10)) = 0 ] && gone "$2" "$3"; then
        refused="$refused$1: the group has lost it; " interrupted=yes
        break
      fi
    done
    shift 3
  done
}

ins=()
while take; [ $((${#held[@]} * 2)) -le "$total" ]; do
  if [ -z "$interrupted" ]; then
    say "failed ${#held[@]} of $total: ${refused%; }"
    # What was said is read before it goes.
    while alive; do :; done
    finish 1
  fi
  # A member went down while we waited there, in the turn of another: its end
  # interrupts who waits. It comes back, so all are asked again.
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
  for fd in "${ins[@]}"; do exec {fd}>&-; done
  pids=() ins=()
  for _ in 1 2 3 4 5; do alive || finish 1; done
done
say "held ${#held[@]} of $total"
# Of a member that is restarted in this turn the lock goes. As long as half of
# them stand, nobody else gets a majority.
while alive; do
  standing=0
  for pid in "${held[@]}"; do if kill -0 "$pid" 2>/dev/null; then standing=$((standing + 1)); fi; done
  [ $((standing * 2)) -ge "$total" ] || finish 1
done
finish 0
