// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
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
	), err
}

// guardianUnitFile: a guardian outlives its server's restarts and its own end,
// whatever that was. Its directory in /run stays, since what it knows of the
// server's present run is there.
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
