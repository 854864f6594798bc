. /etc/os-release 2>/dev/null
printf 'os\t%s\t%s\t%s\n' "$ID" "$VERSION_ID" "$PRETTY_NAME"
# It says none and fails on a machine that is not virtual.
virtualisation=$(systemd-detect-virt 2>/dev/null)
printf 'machine\t%s\t%s\t%s\t%s\n' "$(uname -m)" "$(uname -r)" "${virtualisation:-none}" "$(cat /etc/machine-id 2>/dev/null)"
printf 'cpus\t%s\n' "$(nproc)"
awk '/^MemTotal:|^SwapTotal:/ {printf "%s\t%s\n", $1, $2}' /proc/meminfo
printf 'clock\t%s\n' "$(date +%s%N)"
df -kP -x tmpfs -x devtmpfs -x squashfs 2>/dev/null | awk 'NR > 1 {print $1 "\t" $6 "\t" $2 "\t" $4}' |
while IFS="$(printf '\t')" read -r name mount size free; do
  disk=$(lsblk -ndo ROTA -- "$name" 2>/dev/null | tr -d ' ')
  printf 'disk\t%s\t%s\t%s\t%s\t%s\n' "$name" "$mount" "$size" "$free" "${disk:-0}"
done
echo '-- that is all'
