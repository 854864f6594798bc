// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"path"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
)

func (t Tier) counts() string    { return path.Join(t.home(), "count") }
func (t Tier) countFile() string { return path.Join(t.counts(), model.CountFile) }

// countUnit has a name that no pair's unit can have.
func (t Tier) countUnit() string { return "atoll-count-" + t.Name }

// countItems let the agent count what the tree holds once an hour.
func (t Tier) countItems(node string, facts Facts) []converge.Item {
	yes, timer := true, t.countUnit()+".timer"
	return []converge.Item{
		converge.Directory{Path: t.counts(), Owner: t.Owner, Group: facts.Group, Mode: 0o755},
		converge.File{Path: "/etc/systemd/system/" + t.countUnit() + ".service", Mode: 0o644, Content: t.countService(node)},
		converge.File{Path: "/etc/systemd/system/" + timer, Mode: 0o644, Content: t.countTimer(node), Restart: []string{timer}},
		converge.Unit{Name: timer, Enabled: &yes, Active: &yes},
	}
}

// countService may read and write down what it counted, and takes what nobody
// else wants of the machine.
func (t Tier) countService(node string) []byte {
	capabilities, tree := "", t.Nodes[node].tree()
	if t.Owner == "root" {
		capabilities = "CAP_DAC_READ_SEARCH"
	}
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: count what %[2]s holds
RequiresMountsFor=%[2]s
PartOf=%[3]s.timer
CollectMode=inactive-or-failed

[Service]
Type=oneshot
ExecStart=%[4]s count --root %[2]s --layout %[5]s --into %[6]s
TimeoutStartSec=15min
User=%[7]s
UMask=0022
MemoryMax=256M
Nice=19
CPUWeight=1
IOSchedulingClass=idle
TasksMax=32
CapabilityBoundingSet=%[8]s
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=%[6]s
PrivateTmp=%[9]s
PrivateNetwork=yes
%[10]s`, t.Name, tree, t.countUnit(), agent.Program(t.home()), strings.ReplaceAll(t.layout(), "%", "%%"), t.counts(), t.Owner, capabilities,
		privateTmp(tree), hardening)
}

func (t Tier) countTimer(node string) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: count what %[2]s holds, every hour

[Timer]
OnActiveSec=1min
OnUnitInactiveSec=1h
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
`, t.Name, t.Nodes[node].tree())
}
