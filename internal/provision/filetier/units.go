// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
)

// settingsFile is what an agent of the tier is started with, as a file.
func settingsFile(settings any) []byte {
	text, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		panic(err) // a struct of strings and numbers always encodes
	}
	return append(text, '\n')
}

// dialUnit runs the agent that dials a peer. One that stands still is ended by the
// watchdog, and its unison with it: it shows once a second that it goes on, and for
// a minute at most it waits for a unison that is to end.
func (t Tier) dialUnit(node, peer string) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: keep %[2]s in step with %[3]s
After=%[4]s
Wants=%[4]s
RequiresMountsFor=%[2]s
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=%[5]s sync --config %[6]s
LoadCredential=key:%[7]s
Restart=always
RestartSec=3
NotifyAccess=main
WatchdogSec=5min
WatchdogSignal=SIGKILL
%[8]s
[Install]
WantedBy=multi-user.target
`, t.Name, t.Nodes[node].Hot, peer, t.order(), agent.Program(t.home()), t.config(peer), t.key(), t.limits(node, t.Nodes[node].Hot, peer))
}

// order is what comes before a unit that dials.
func (t Tier) order() string { return strings.TrimSpace("network-online.target " + t.After) }

// serveUnit runs unison for a peer that dialled.
func (t Tier) serveUnit(node, peer string) []byte {
	return t.serving(node, t.Nodes[node].Hot, t.Nodes[node].Hot, peer, t.unit(peer), "serve --config "+t.config(peer))
}

// serving runs what a peer that dialled asks for in a tree, one process a connection.
func (t Tier) serving(node, what, tree, peer, unit, role string) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: serve %[2]s to %[3]s
RequiresMountsFor=%[4]s
PartOf=%[5]s.socket
CollectMode=inactive-or-failed

[Service]
Type=exec
ExecStart=%[6]s %[7]s
StandardInput=socket
StandardOutput=socket
StandardError=journal
%[8]s`, t.Name, what, peer, tree, unit, agent.Program(t.home()), role, t.limits(node, tree, peer))
}

// socketUnit is where the peer's SSH key leads, and nothing else. It wants the mesh
// by which the peer comes, and waits for nothing: sockets come before all units.
func (t Tier) socketUnit(socket, purpose string) []byte {
	wants := ""
	if t.After != "" {
		wants = "Wants=" + t.After + "\n"
	}
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: %[2]s
%[5]sStartLimitIntervalSec=0

[Socket]
ListenStream=%[3]s
SocketUser=%[4]s
SocketMode=0600
Accept=yes
MaxConnections=8
TriggerLimitIntervalSec=0
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
`, t.Name, purpose, socket, t.account(), wants)
}

// limits bound what a unison, or an rsync, may use and reach. As another user than root it has
// no privileges at all. One that takes too much memory is killed alone: the agent that
// started it says so.
func (t Tier) limits(node, tree, peer string) string {
	capabilities := ""
	if t.owner(node) == superuser {
		capabilities = "CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL"
	}
	return fmt.Sprintf(`User=%[1]s
UMask=0022
MemoryMax=%[2]dM
MemorySwapMax=0
CPUWeight=50
IOWeight=50
TasksMax=64
OOMPolicy=continue
CapabilityBoundingSet=%[3]s
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=%[4]s %[5]s
PrivateTmp=%[6]s
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
`+hardening, t.owner(node), cmp.Or(t.MemoryMiB, 1024), capabilities, tree, t.state(peer), privateTmp(tree))
}

// hardening is what no unit of a tier needs.
const hardening = `PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
`

// privateTmp hides /tmp, unless one of the trees lies in it.
func privateTmp(trees ...string) string {
	for _, tree := range trees {
		if tree != "" && (Overlap(tree, "/tmp") || Overlap(tree, "/var/tmp")) {
			return "no"
		}
	}
	return "yes"
}

func (t Tier) key() string { return path.Join(t.home(), "key") }

// startable is for units that run once each time something starts them, and are never
// restarted: systemd's bound of five starts in ten seconds, which is there for those
// that crash in a loop, would refuse the sixth and so leave out what it was to do.
const startable = `StartLimitIntervalSec=0
CollectMode=inactive-or-failed
`
