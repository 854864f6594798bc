// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Moving is how days move from the trees to the archives.
type Moving struct {
	// HotDays is how many days a day stays in the tree after its end.
	HotDays int
	// Quiet is how long nothing in it may have changed, Grace how long its directory
	// is kept after the link took its place.
	Quiet, Grace time.Duration
}

// UsualLayout is how directories of days are named where nothing is said.
const UsualLayout = "%Y/%m/%d"

func (t Tier) layout() string { return cmp.Or(t.Layout, UsualLayout) }

// Names that no pair can have, since nodes' have no dots.
func (t Tier) moverFile() string        { return path.Join(t.settings(), "tier.mover.json") }
func (t Tier) moverUnit() string        { return "atoll-mover-" + t.Name }
func (t Tier) moverState() string       { return path.Join(t.home(), model.HomeMover) }
func (t Tier) moverStatusFile() string  { return path.Join(t.moverState(), model.MoverFile) }
func (t Tier) newsUnit(p string) string { return t.archiveUnit(p) + "-news.service" }

func (t Tier) moverSettings(node string) []byte {
	config := model.Mover{
		Tier: t.Name, Hot: t.Nodes[node].Hot, Cold: t.Nodes[node].Cold, Layout: t.layout(), HotDays: t.Moves.HotDays,
		Quiet: int64(t.Moves.Quiet.Seconds()), Grace: int64(t.Moves.Grace.Seconds()),
		ReserveBytes: uint64(t.Archive.ReserveMiB) << 20, ReserveInodes: t.Archive.ReserveInodes, Node: node, Nodes: []model.MoverNode{},
	}
	// A node without a hot tree has no link to set: it gets the day by the archive's
	// next run, and nobody waits for it.
	for _, other := range slices.Sorted(maps.Keys(t.hot().Nodes)) {
		if other != node {
			config.Nodes = append(config.Nodes, model.MoverNode{Name: other})
		}
	}
	for _, peer := range t.hot().dialled(node) {
		config.Pairs = append(config.Pairs, path.Join(t.state(peer), model.StatusFile))
	}
	return settingsFile(config)
}

// moves says whether days move on a node.
func (t Tier) moves(node string) bool { return t.Moves != nil && t.Nodes[node].Hot != "" }

// moverItems are what moves days on a node, with the question how the last run went.
func (t Tier) moverItems(node string) []converge.Item {
	if !t.moves(node) {
		return nil
	}
	yes, timer := true, t.moverUnit()+".timer"
	return []converge.Item{
		converge.Directory{Path: t.moverState(), Mode: 0o755},
		converge.File{Path: t.moverFile(), Mode: 0o644, Content: t.moverSettings(node)},
		t.exchange(node),
		converge.File{Path: "/etc/systemd/system/" + t.moverUnit() + ".service", Mode: 0o644, Content: t.moverService(node)},
		converge.File{Path: "/etc/systemd/system/" + timer, Mode: 0o644, Content: t.moverTimer(node), Restart: []string{timer}},
		converge.Unit{Name: timer, Enabled: &yes, Active: &yes},
		t.moverStatus(),
		t.links(node),
	}
}

// exchange tries once whether the file system can swap a directory and a link in one
// step: the kinds that cannot are mostly known before, by their names.
func (t Tier) exchange(node string) converge.Action {
	note, hot := remote.Quote(path.Join(t.moverState(), "exchange")), remote.Quote(t.Nodes[node].Hot)
	return converge.Action{
		Name: "try whether days can move out of " + t.Nodes[node].Hot,
		Line: converge.Line{Subject: "tree " + t.Nodes[node].Hot, Code: converge.CodeMissing, Text: "it is not known whether days can move out of it"},
		Done: fmt.Sprintf("[ \"$(cat %s)\" = %s ]", note, hot),
		Run:  fmt.Sprintf("%s mover --config %s --try\nprintf '%%s\\n' %s >%s", remote.Quote(agent.Program(t.home())), remote.Quote(t.moverFile()), hot, note),
	}
}

// moverService runs as root, since .tier is closed to all others and files of several
// owners are copied with all that they have. It reaches the two trees and nothing else,
// and no network. What nodes say of one another is carried before and after it.
func (t Tier) moverService(node string) []byte {
	hot, cold := t.Nodes[node].Hot, t.Nodes[node].Cold
	var news []string
	for _, peer := range t.hot().dialled(node) {
		news = append(news, t.newsUnit(peer))
	}
	around := ""
	if len(news) > 0 {
		all := strings.Join(news, " ")
		around = fmt.Sprintf("Wants=%[1]s\nAfter=%[1]s\nOnSuccess=%[1]s\nOnFailure=%[1]s\n", all)
	}
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: move old days from %[2]s to %[3]s
RequiresMountsFor=%[2]s %[3]s
PartOf=%[4]s.timer
%[5]s%[13]s
[Service]
Type=oneshot
ExecStart=%[6]s mover --config %[7]s --status %[8]s
TimeoutStartSec=infinity
UMask=0022
MemoryMax=512M
MemorySwapMax=0
CPUWeight=20
TasksMax=64
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_LEASE CAP_SETFCAP
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=%[2]s %[3]s %[9]s
PrivateTmp=%[10]s
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX
%[11]s%[12]s`, t.Name, hot, cold, t.moverUnit(), around, agent.Program(t.home()), t.moverFile(), t.moverStatusFile(), t.moverState(), privateTmp(hot, cold), hardening, behind, startable)
}

func (t Tier) moverTimer(node string) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: move old days from %[2]s, every hour

[Timer]
OnActiveSec=5min
OnUnitInactiveSec=1h
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
`, t.Name, t.Nodes[node].Hot)
}

// newsItem carries what nodes say of themselves between two archives, at once.
func (t Tier) newsItem(node, peer string) converge.File {
	return converge.File{Path: "/etc/systemd/system/" + t.newsUnit(peer), Mode: 0o644, Content: fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: tell %[2]s how far days have moved, and hear it
After=%[3]s
RequiresMountsFor=%[4]s
%[10]s
[Service]
Type=oneshot
ExecStart=%[5]s archive --config %[6]s --statements
LoadCredential=key:%[7]s
TimeoutStartSec=10min
%[8]s%[9]s`, t.Name, peer, t.order(), t.Nodes[node].Cold, agent.Program(t.home()), t.archiveConfig(peer), t.key(), t.limits(node, t.Nodes[node].Cold, peer), behind, startable)}
}

// moverStatus asks where the last run left the days.
func (t Tier) moverStatus() converge.Question[model.MoverStatus] {
	return told[model.MoverStatus]("where the last run of the mover left the days", t.moverStatusFile())
}

// CodeMover says that days do not move as they should.
const CodeMover converge.Code = "tier-mover"

// longestMoverSilence is how old the last run may be: one that copies takes its time.
const longestMoverSilence = 26 * time.Hour

// moverProblem is what is wrong with the moving of days on a node; "" for nothing.
func moverProblem(status model.MoverStatus, now time.Time) string {
	switch {
	case status.Error != "":
		return "days do not move: " + oneLine(status.Error)
	case !status.At.IsZero() && !now.IsZero() && now.Sub(status.At) > longestMoverSilence:
		return fmt.Sprintf("days do not move: the last run ended %s ago", now.Sub(status.At).Round(time.Hour))
	}
	left := slices.DeleteFunc(slices.Clone(status.Waiting), func(day model.WaitingDay) bool { return day.Next != model.NextLeave })
	if len(left) == 0 {
		return ""
	}
	problem := fmt.Sprintf("a day stays as it is until somebody looks: %s: %s", left[0].Day, oneLine(left[0].Why))
	if more := len(left) - 1; more > 0 {
		problem += fmt.Sprintf(" (and %d more)", more)
	}
	return problem
}

// NotMoving says what holds up the days on a node, by what was observed of its machine.
func (t Tier) NotMoving(node string, o converge.Observation) (converge.Line, bool, error) {
	if !t.moves(node) {
		return converge.Line{}, false, nil
	}
	status, err := t.moverStatus().Answer(o)
	problem := moverProblem(status, time.Time{})
	if problem != "" {
		problem += fmt.Sprintf(". This is as of its last run, and it runs once an hour: systemctl start %s.service on the machine has it look again now", t.moverUnit())
	}
	return converge.Line{Subject: node, Code: CodeMover, Text: problem}, problem != "", err
}

// validateMoving finds what is wrong with how days are to move.
func (t Tier) validateMoving() []error {
	_, err := model.ParseLayout(t.layout())
	problems := []error{err}
	if t.Moves == nil {
		return problems
	}
	if len(t.Nodes) > 0 && !t.cold() {
		problems = append(problems, errors.New("hot_days moves days to the archive, and there is none: give the tier a cold, or leave hot_days out"))
	}
	ways := map[string]string{}
	hot := t.hot().Nodes
	if len(t.Nodes) > 0 && len(hot) == 0 {
		problems = append(problems, errors.New("hot_days moves days out of the hot trees, and there is none: give the tier a hot, or leave hot_days out"))
	}
	for _, name := range slices.Sorted(maps.Keys(hot)) {
		node := hot[name]
		if way, err := filepath.Rel(node.Hot, node.Cold); node.Cold != "" && err == nil {
			ways[way] = name
		}
	}
	if len(ways) > 1 {
		names := slices.Sorted(maps.Values(ways))
		problems = append(problems, fmt.Errorf("hot_days leaves links that say the same on all nodes, and the way from hot to cold is another one on %s: lay both out the same way, such as /srv/files and /srv/cold on each", strings.Join(names, " than on ")))
	}
	return problems
}

// noExchange are the kinds of file systems, as stat names them, that cannot swap two
// names in one step. Of those that it calls fuse it depends on the program behind them:
// facts have them as mount does, fuse.NAME. virtiofs, which is another name, is tried.
var noExchange = []string{
	"nfs", "nfsd", "cifs", "smb", "smb2", "msdos", "exfat", "fuse", "fuseblk", "v9fs", "ceph", "lustre", "fhgfs", "afs", "coda", "ncp", "vboxsf", "ocfs2",
	"jfs", "nilfs", "reiserfs", "ntfs", "hfs", "hfs+", "hfsx", "ufs", "udf", "isofs",
}

func cannotExchange(fileSystem string) bool {
	return slices.Contains(noExchange, fileSystem) || strings.HasPrefix(fileSystem, "fuse.")
}

// RefuseMoving says why days cannot move on a node, by its facts; or that they must go
// on moving, where some are on their way.
func (t Tier) RefuseMoving(node string, facts Facts) error {
	switch {
	case t.Moves != nil && cannotExchange(facts.FileSystem):
		return fmt.Errorf("node %s: hot = %q lies on a file system of the kind %s, which cannot exchange a directory and a link in one step, so paths would be missing for a moment: put the tree on ext4, xfs or btrfs, or leave hot_days out",
			node, t.Nodes[node].Hot, facts.FileSystem)
	case t.Moves == nil && facts.OnTheWay > 0:
		return fmt.Errorf("node %s: hot_days: %d days are on their way from %s to the archive, and would be torn apart: leave hot_days as it was until atoll_file_tier_status says that none is waiting, or set it to 36500, with which no more begin",
			node, facts.OnTheWay, t.Nodes[node].Hot)
	}
	return nil
}

// RefuseTaking says why the trees of another tier on a node cannot become this one's, by the
// node's facts: whoever goes on with days that are on their way knows them by the tier's name.
func (t Tier) RefuseTaking(node string, facts Facts, other string) error {
	if facts.OnTheWay == 0 || other == t.Name {
		return nil
	}
	return fmt.Errorf("node %s: name = %q: %d days of the tier %q are on their way from %s to the archive, and one of another name does not go on with them: keep the name, set hot_days = 36500, with which no more begin, and rename it when atoll_file_tier_status says that none is waiting",
		node, t.Name, facts.OnTheWay, other, t.Nodes[node].Hot)
}
