// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Archive is how the cold archives of a tier are kept in step.
type Archive struct {
	// Calendar is when, as systemd.time(7) has it.
	Calendar string
	// BandwidthKiB is the most that a pair carries in a second; 0 for no limit.
	BandwidthKiB int
	// ReserveMiB stays free where an archive lies.
	ReserveMiB int
	// ReserveInodes stay free there.
	ReserveInodes uint64
	// Deleted are paths in the archive that no node is to have.
	Deleted []string
}

func (t Tier) archiveUnit(peer string) string   { return t.unit(peer) + ".cold" }
func (t Tier) archiveConfig(peer string) string { return path.Join(t.settings(), peer+".cold.json") }
func (t Tier) archiveSocket(peer string) string {
	return path.Join("/run/atoll-tier", t.Name, peer+".cold.sock")
}

// sockets are those on a node that a peer's key opens, as the agent's relay takes them.
func (t Tier) sockets(node, peer string) string {
	switch {
	case !t.joins(node, peer):
		return model.NoSocket + " " + t.archiveSocket(peer)
	case !t.cold():
		return t.socket(peer)
	}
	return t.socket(peer) + " " + t.archiveSocket(peer)
}

// archiveItems are what a node has of the archive, whoever dials; or, where the
// tier has none any more, that its tree is let go.
func (t Tier) archiveItems(node string, facts Facts) []converge.Item {
	if !t.cold() {
		was, claimed := facts.Archives[t.Name]
		if !claimed {
			return nil
		}
		note := remote.Quote(path.Join(t.home(), coldNote))
		return []converge.Item{converge.Action{
			Name: "let the archive " + was + " go",
			Line: converge.Line{Subject: "tree " + was, Code: converge.CodeStale, Text: "no longer declared"},
			Done: "[ ! -e " + note + " ]",
			Run: t.letGo(was) + fmt.Sprintf("rm -rf -- %s\nrm -f -- %s/*/%s %s", strings.Join(t.archiveNotes(), " "),
				remote.Quote(path.Join(t.home(), model.HomePairs)), model.ArchiveStatusFile, note),
		}}
	}
	items := []converge.Item{converge.Package{Name: "rsync"}, t.giveWorkshop(node, facts)}
	for _, path := range t.Archive.Deleted {
		items = append(items, t.deleted(node, path))
	}
	return items
}

// archiveNotes are the directories, quoted, in which is written down what was found in an
// archive beside a tree, and in the days that moved to it.
func (t Tier) archiveNotes() []string {
	var quoted []string
	for _, notes := range []string{model.HomeCountCold, model.HomeScrub, model.HomeMover} {
		quoted = append(quoted, remote.Quote(path.Join(t.home(), notes)))
	}
	return quoted
}

// giveWorkshop gives what the archive keeps of replaced files to the owner, where
// there was another one.
func (t Tier) giveWorkshop(node string, facts Facts) converge.Action {
	workshop, owner := remote.Quote(path.Join(t.Nodes[node].Cold, model.Workshop)), remote.Quote(t.owner(node))
	return converge.Action{
		Name: "give the workshop of the archive to " + t.owner(node),
		Line: converge.Line{Subject: "directory " + path.Join(t.Nodes[node].Cold, model.Workshop), Code: converge.CodeOwner, Text: "is not the owner's"},
		Done: fmt.Sprintf(`[ ! -d %[1]s ] || [ "$(stat -c %%u -- %[1]s)" = "$(id -u -- %[2]s)" ]`, workshop, owner),
		Run:  fmt.Sprintf("chown -h -- %s %s", remote.Quote(t.owner(node)+":"+facts.Group), workshop),
	}
}

// deleted takes a path out of the archive, on this node as on all others, and the links of
// its days out of the tree.
func (t Tier) deleted(node, path string) converge.Action {
	run := fmt.Sprintf("%s archive-delete --root %s --path %s", remote.Quote(agent.Program(t.home())), remote.Quote(t.Nodes[node].Cold), remote.Quote(path))
	if hot := t.Nodes[node].Hot; hot != "" {
		run += " --hot " + remote.Quote(hot) + " --layout " + remote.Quote(t.layout())
	}
	return converge.Action{
		Name: fmt.Sprintf("delete %q from the archive", path),
		Line: converge.Line{Subject: "archive " + t.Nodes[node].Cold, Code: converge.CodeStale, Text: fmt.Sprintf("still has %q, which cold_deletions names", path)},
		Done: run + " --check",
		Run:  run,
	}
}

func (t Tier) dialArchiveItems(node, peer string) []converge.Item {
	yes, unit := true, t.archiveUnit(peer)
	items := []converge.Item{
		// A run reads these when it starts: the one that is at work goes on.
		converge.File{Path: t.archiveConfig(peer), Mode: 0o644, Content: t.archiveFile(node, peer, true)},
		converge.File{Path: "/etc/systemd/system/" + unit + ".service", Mode: 0o644, Content: t.dialArchiveUnit(node, peer)},
		converge.File{Path: "/etc/systemd/system/" + unit + ".timer", Mode: 0o644, Content: t.archiveTimer(peer), Restart: []string{unit + ".timer"}},
		converge.Unit{Name: unit + ".timer", Enabled: &yes, Active: &yes},
		t.archiveCheck(node, peer),
	}
	if t.moves(node) && t.joins(node, peer) {
		items = append(items, t.newsItem(node, peer))
	}
	return items
}

func (t Tier) serveArchiveItems(node, peer string) []converge.Item {
	yes, unit := true, t.archiveUnit(peer)
	socket := unit + ".socket"
	return []converge.Item{
		converge.File{Path: t.archiveConfig(peer), Mode: 0o644, Content: t.archiveFile(node, peer, false), Restart: []string{socket}},
		converge.File{Path: "/etc/systemd/system/" + unit + "@.service", Mode: 0o644, Content: t.serveArchiveUnit(node, peer), Restart: []string{socket}},
		converge.File{Path: "/etc/systemd/system/" + socket, Mode: 0o644, Content: t.socketUnit(t.archiveSocket(peer), peer+" dials the archive here"), Restart: []string{socket}},
		converge.Unit{Name: socket, Enabled: &yes, Active: &yes},
		t.fullCheck(node, peer),
	}
}

// archiveFile is what the agent is started with.
func (t Tier) archiveFile(node, peer string, dials bool) []byte {
	archive := model.Archive{Tier: t.Name, Peer: peer, Cold: t.Nodes[node].Cold, State: t.state(peer), Dials: peer, ReserveMiB: t.Archive.ReserveMiB, ReserveInodes: t.Archive.ReserveInodes}
	if t.scrubs() {
		archive.Scrub = t.scrubStatusFile()
	}
	if dials {
		archive.Dials, archive.BandwidthKiB, archive.Deleted = node, t.Archive.BandwidthKiB, t.Archive.Deleted
		archive.Remote = t.account() + "@" + t.Nodes[peer].Address
		archive.SSH = append([]string{"ssh", "-p " + strconv.Itoa(t.Nodes[peer].Port)}, t.sshWords(peer)...)
	}
	return settingsFile(archive)
}

// retry is how soon a run that failed is tried again.
const retry = "15min"

// dialArchiveUnit runs the agent once, behind all else on the machine.
func (t Tier) dialArchiveUnit(node, peer string) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: keep the archive %[2]s in step with %[3]s
After=%[4]s
Wants=%[4]s
RequiresMountsFor=%[2]s
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=%[5]s archive --config %[6]s
LoadCredential=key:%[7]s
TimeoutStartSec=infinity
Restart=on-failure
RestartSec=`+retry+`
RestartPreventExitStatus=2
%[8]s%[9]s`, t.Name, t.Nodes[node].Cold, peer, t.order(), agent.Program(t.home()), t.archiveConfig(peer), t.key(), t.limits(node, t.Nodes[node].Cold, peer), behind)
}

// archiveTimer starts the runs. One that was missed while the machine was off is
// made when it is on again.
func (t Tier) archiveTimer(peer string) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: when the archive is kept in step with %[2]s

[Timer]
OnCalendar=%[3]s
Persistent=yes
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
`, t.Name, peer, t.Archive.Calendar)
}

// serveArchiveUnit runs rsync for a peer that dialled.
func (t Tier) serveArchiveUnit(node, peer string) []byte {
	cold := t.Nodes[node].Cold
	return append(t.serving(node, "the archive "+cold, cold, peer, t.archiveUnit(peer), "archive-serve --config "+t.archiveConfig(peer)), behind...)
}

// behind lets everything else on the machine go first.
const behind = `Nice=10
IOSchedulingClass=idle
`
