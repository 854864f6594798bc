// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

// MemoryScript prints "N bytes", what the machine has or the limit of its
// container: a number alone would be another one when cut.
const MemoryScript = `memory=$(awk '/^MemTotal:/ {printf "%d", $2 * 1024}' /proc/meminfo)
limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null)
case $limit in ''|max) ;; *) [ "$limit" -ge "$memory" ] || memory=$limit ;; esac
echo "$memory bytes"`
