# The account that the server recovers with, as it stands on that very server:
# its password goes from there to a client on this machine and nowhere else. Others
# are verified by what the cluster wrote, where the server itself does that. Who runs
# it sets socket.
# shellcheck disable=SC2154
root() { mysql --no-defaults --user=root --socket="$socket" --connect-timeout=10 --skip-column-names --batch --raw "$@"; }
authorities=/etc/mysql/atoll/members.pem
IFS=$'\t' read -r user password mode < <(root -e "SELECT user_name, user_password, IF(@@group_replication_ssl_mode LIKE 'VERIFY%' AND @@group_replication_recovery_ssl_ca = '$authorities', 'VERIFY_IDENTITY', 'REQUIRED')
 FROM mysql.slave_master_info WHERE channel_name = 'group_replication_recovery'" 2>/dev/null)
escaped() { local text=${1//\\/\\\\}; printf '%s' "${text//\"/\\\"}"; }
options() { printf '[client]\nuser="%s"\npassword="%s"\n' "$(escaped "$user")" "$(escaped "$password")"; }
# login host port: becomes a client at a member, by that account.
login() {
  set -- "$@" --ssl-mode="$mode"
  [ "$mode" != VERIFY_IDENTITY ] || set -- "$@" --ssl-ca="$authorities"
  exec mysql --defaults-file=<(options) --protocol=tcp --host="$1" --port="$2" --connect-timeout=10 "${@:3}" --skip-column-names --batch --raw --unbuffered
}
