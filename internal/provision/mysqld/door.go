// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"
	"regexp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const (
	// doorUnit drops what comes for the server by another interface than its
	// mesh's. It is a table of its own, so that whatever else filters packets on
	// the machine stays as it is.
	doorUnit  = "atoll-mysql-door.service"
	doorTable = "inet atoll_mysql"
	doorRules = "/var/lib/atoll/mysql-door.nft"
	nft       = "/usr/sbin/nft"
)

// CodeDoor says that others than the mesh can come to the server's port.
const CodeDoor converge.Code = "mysql-door"

// interfaceForm is what nft takes for a name between quotes.
var interfaceForm = regexp.MustCompile(`\A[A-Za-z0-9_.-]{1,15}\z`)

// rule is how nft prints it, too. Interfaces are compared by name at every
// packet: a mesh that restarts has another number afterwards, and systemd's own
// way to bind a unit to interfaces (RestrictNetworkInterfaces) would go on with
// the former one. What the machine sends to its own address comes by lo.
func (c Config) rule() string {
	return fmt.Sprintf(`ip daddr %s tcp dport %d iifname != "lo" iifname != "%s" drop`, c.Address, c.Port, c.Interface)
}

// door keeps from the port who does not come by the mesh: Linux answers for an
// address on every interface. A server without a mesh has none.
func (c Config) door() []converge.Item {
	if c.Interface == "" {
		return nil
	}
	yes := true
	return []converge.Item{
		converge.Package{Name: "nftables"},
		converge.File{Path: doorRules, Mode: 0o644, Restart: []string{doorUnit}, Content: fmt.Appendf(nil, `# Written by Atoll: MySQL's port is the mesh's alone.
table %[1]s
delete table %[1]s
table %[1]s {
	chain input {
		type filter hook input priority filter - 5; policy accept;
		%[2]s
	}
}
`, doorTable, c.rule())},
		// nftables.service flushes every table when it starts.
		converge.File{Path: "/etc/systemd/system/" + doorUnit, Mode: 0o644, Restart: []string{doorUnit}, Content: fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=Keep all but the mesh from MySQL's port
After=nftables.service
Before=%[4]s

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=%[1]s -f %[2]s
ExecStop=-%[1]s delete table %[3]s

[Install]
WantedBy=multi-user.target
`, nft, doorRules, doorTable, Unit)},
		converge.Unit{Name: doorUnit, Enabled: &yes, Active: &yes},
		converge.Action{
			Name: "close MySQL's port to all but the mesh",
			Line: converge.Line{Subject: fmt.Sprintf("port %d", c.Port), Code: CodeDoor, Text: "open to others than mesh " + c.Interface},
			Done: nft + " list table " + doorTable + " 2>/dev/null | grep -qF " + remote.Quote(c.rule()),
			Run:  "systemctl restart " + doorUnit,
		},
	}
}
