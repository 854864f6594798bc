// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"
	"path"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
)

const (
	// GuardianUnit runs the guardian of the server's group membership, which is
	// a role of the agent in guardianHome.
	GuardianUnit = "atoll-guardian.service"
	guardianHome = "/var/lib/atoll/guardian"
)

// guardian is the agent beside the server, and its unit. It must be root, whom the
// server knows by the socket, and may do nothing else that root can.
func (c Config) guardian() ([]converge.Item, error) {
	if c.Unguarded {
		return nil, nil
	}
	items, err := agent.Items(guardianHome, GuardianUnit)
	yes := true
	return append(items,
		converge.File{Path: "/etc/systemd/system/" + GuardianUnit, Mode: 0o644, Content: guardianUnitFile(), Restart: []string{GuardianUnit}},
		converge.Unit{Name: GuardianUnit, Enabled: &yes, Active: &yes},
		alive(),
	), err
}

// aliveScript ends with 1 where the unit is active and its guardian has written no
// status for too long, nor since the unit became active; whatever is not answered is no
// reason to do anything. A clock that jumped makes every status old, or one of the
// future, until it is written again: that is waited for.
const aliveScript = `said=$(systemctl show -p ActiveState -p ActiveEnterTimestampMonotonic -- %[1]s) || exit 0
case $said in *ActiveState=active*) ;; *) exit 0 ;; esac
entered=$(printf '%%s\n' "$said" | sed -n 's/^ActiveEnterTimestampMonotonic=//p')
[ "$entered" ] || exit 0
read -r up idle </proc/uptime
[ $((${up%%.*} - entered / 1000000)) -gt %[3]d ] || exit 0
written() { stat -c %%Y %[2]s 2>/dev/null || echo 0; }
last=$(written) age=$(($(date +%%s) - last))
[ ${age#-} -gt %[3]d ] || exit 0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  sleep 1
  [ "$(written)" = "$last" ] || exit 0
done
exit 1`

// alive finds a guardian that stands still. Its unit's watchdog ends such a one after
// some minutes; this one is for what that cannot end, and for who looks before.
func alive() converge.Action {
	silence := group.GuardianSilence
	return converge.Action{
		Name: "restart the guardian that stands still",
		Line: converge.Line{Subject: "unit " + GuardianUnit, Code: converge.CodeSilent, Text: fmt.Sprintf("active, and its guardian has given no sign of life for %d minutes", int(silence.Minutes()))},
		Done: fmt.Sprintf(aliveScript, GuardianUnit, path.Join(group.GuardianDirectory, group.GuardianStatus), int(silence.Seconds())),
		Run:  "systemctl restart -- " + GuardianUnit,
	}
}

// guardianUnitFile: a guardian outlives its server's restarts and its own end,
// whatever that was. Its directory in /run stays, since what it knows of the
// server's present run is there. One whose work stands still is ended by the watchdog:
// between two signs of life may lie 190 s (see the guardian's lives), and what a slow
// machine adds. Only the end at once helps against one that takes no signal.
func guardianUnitFile() []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=Guard the group membership of MySQL
After=%[1]s
StartLimitIntervalSec=0

[Service]
ExecStart=%[2]s guardian
Restart=always
RestartSec=1
NotifyAccess=main
WatchdogSec=5min
WatchdogSignal=SIGKILL
RuntimeDirectory=atoll-guardian
RuntimeDirectoryPreserve=yes
Environment=GOMEMLIMIT=12MiB GOMAXPROCS=1
MemoryMax=20M
TasksMax=32
CapabilityBoundingSet=
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0022

[Install]
WantedBy=multi-user.target
`, Unit, agent.Program(guardianHome))
}
