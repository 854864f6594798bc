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

// counting is one tree that the agent counts on a node.
type counting struct {
	// tree is what it counts, into the directory in which it writes what it found.
	tree, into string
	// unit has a name that no pair's unit can have.
	unit string
	// every is how often, to people, and pause the same to systemd; more are further
	// words of the role, and limit is what ends one that does not end itself.
	every, pause, more, limit string
}

// counted is what a node's status tells of first: the hot tree, or the archive of a
// node that has none.
func (t Tier) counted(node string) counting {
	return counting{t.Nodes[node].tree(), path.Join(t.home(), model.HomeCount), "atoll-count-" + t.Name, "hour", "1h", "", "15min"}
}

// countedBeside is the archive of a node that has both. It only grows, and holds many
// times what the tree does: so it is counted once a day, with time for it.
func (t Tier) countedBeside(node string) (counting, bool) {
	at := t.Nodes[node]
	return counting{at.Cold, path.Join(t.home(), model.HomeCountCold), "atoll-count-" + t.Name + ".cold", "day", "1d", " --within 2h", "125min"}, at.Hot != "" && at.Cold != ""
}

func (c counting) file() string { return path.Join(c.into, model.CountFile) }

// countItems let the agent count what the trees hold.
func (t Tier) countItems(node string, facts Facts) []converge.Item {
	items := t.countingItems(node, t.counted(node), facts)
	if beside, is := t.countedBeside(node); is {
		items = append(items, t.countingItems(node, beside, facts)...)
	}
	return items
}

func (t Tier) countingItems(node string, c counting, facts Facts) []converge.Item {
	yes, timer := true, c.unit+".timer"
	return []converge.Item{
		converge.Directory{Path: c.into, Owner: t.owner(node), Group: facts.Group, Mode: 0o755},
		converge.File{Path: "/etc/systemd/system/" + c.unit + ".service", Mode: 0o644, Content: t.countService(node, c)},
		converge.File{Path: "/etc/systemd/system/" + timer, Mode: 0o644, Content: t.countTimer(c), Restart: []string{timer}},
		converge.Unit{Name: timer, Enabled: &yes, Active: &yes},
	}
}

// countService may read and write down what it counted, and takes what nobody
// else wants of the machine.
func (t Tier) countService(node string, c counting) []byte {
	capabilities := ""
	if t.owner(node) == superuser {
		capabilities = "CAP_DAC_READ_SEARCH"
	}
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: count what %[2]s holds
RequiresMountsFor=%[2]s
PartOf=%[3]s.timer
%[13]s
[Service]
Type=oneshot
ExecStart=%[4]s count --root %[2]s --layout %[5]s --into %[6]s%[11]s
TimeoutStartSec=%[12]s
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
%[10]s`, t.Name, c.tree, c.unit, agent.Program(t.home()), strings.ReplaceAll(t.layout(), "%", "%%"), c.into, t.owner(node), capabilities,
		privateTmp(c.tree), hardening, c.more, c.limit, startable)
}

func (t Tier) countTimer(c counting) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: count what %[2]s holds, every %[4]s

[Timer]
OnActiveSec=1min
OnUnitInactiveSec=%[3]s
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
`, t.Name, c.tree, c.pause, c.every)
}
