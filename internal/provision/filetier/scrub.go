// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
)

// Scrubbing is how the archives are read again, to find what rotted.
type Scrubbing struct {
	// Calendar is when, as systemd.time(7) has it.
	Calendar string
	// Interval is how long what was read is not read again.
	Interval time.Duration
}

// Names that no pair can have.
func (t Tier) scrubFile() string       { return path.Join(t.settings(), "tier.scrub.json") }
func (t Tier) scrubUnit() string       { return model.ScrubUnit(t.Name) }
func (t Tier) mendUnit() string        { return "atoll-mend-" + t.Name }
func (t Tier) scrubState() string      { return path.Join(t.home(), model.HomeScrub) }
func (t Tier) scrubStatusFile() string { return path.Join(t.scrubState(), model.ScrubFile) }

func (t Tier) scrubs() bool { return t.Scrub != nil && t.cold() }

func (t Tier) scrubSettings(node string) []byte {
	return settingsFile(model.Scrub{
		Tier: t.Name, Hot: t.Nodes[node].Hot, Cold: t.Nodes[node].Cold, Layout: t.layout(),
		Interval: int64(t.Scrub.Interval.Seconds()), Status: t.scrubStatusFile(), Deleted: t.Archive.Deleted,
	})
}

// scrubItems are what reads a node's archive again and mends what rotted, with the
// question how the last run went.
func (t Tier) scrubItems(node string) []converge.Item {
	if !t.scrubs() {
		return nil
	}
	yes, timer, lent := true, t.scrubUnit()+".timer", t.mendUnit()+".path"
	return []converge.Item{
		converge.Directory{Path: t.scrubState(), Mode: 0o755},
		// A run reads it when it starts: the one that is at work goes on.
		converge.File{Path: t.scrubFile(), Mode: 0o644, Content: t.scrubSettings(node)},
		converge.File{Path: "/etc/systemd/system/" + t.scrubUnit() + ".service", Mode: 0o644, Content: t.scrubService(node)},
		converge.File{Path: "/etc/systemd/system/" + timer, Mode: 0o644, Content: t.scrubTimer(node), Restart: []string{timer}},
		converge.File{Path: "/etc/systemd/system/" + t.mendUnit() + ".service", Mode: 0o644, Content: t.mendService(node)},
		converge.File{Path: "/etc/systemd/system/" + lent, Mode: 0o644, Content: t.lentPath(node), Restart: []string{lent}},
		converge.Unit{Name: timer, Enabled: &yes, Active: &yes},
		converge.Unit{Name: lent, Enabled: &yes, Active: &yes},
		t.scrubStatus(),
	}
}

// scrubService begins with what was not read for the longest. What it cannot mend it
// has the archive's own runs fetch, at once.
func (t Tier) scrubService(node string) []byte {
	var runs []string
	for _, peer := range t.dialled(node) {
		runs = append(runs, t.archiveUnit(peer)+".service")
	}
	fetch := ""
	if len(runs) > 0 {
		fetch = "OnFailure=" + strings.Join(runs, " ") + "\n"
	}
	return t.scrubbing(node, "read the archive "+t.Nodes[node].Cold+" again", "PartOf="+t.scrubUnit()+".timer\n"+fetch, "", "")
}

// gather has one run mend what comes within seconds, file by file: each run reads the
// days that they belong to.
const gather = "ExecStartPre=sleep 5\n"

// mendService looks at what other nodes have lent.
func (t Tier) mendService(node string) []byte {
	return t.scrubbing(node, "mend what rotted in "+t.Nodes[node].Cold, "PartOf="+t.mendUnit()+".path\n", gather, " --lent")
}

// scrubbing runs as root, since .tier is closed to all others and files have several
// owners. It takes what nobody else wants of the machine, may write in the archive
// alone, and speaks to nobody.
func (t Tier) scrubbing(node, purpose, order, before, flags string) []byte {
	hot, cold := t.Nodes[node].Hot, t.Nodes[node].Cold
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: %[2]s
RequiresMountsFor=%[3]s
%[5]s%[12]s
[Service]
Type=oneshot
%[13]sExecStart=%[6]s scrub --config %[7]s%[8]s
TimeoutStartSec=infinity
UMask=0022
MemoryMax=256M
MemorySwapMax=0
CPUSchedulingPolicy=idle
CPUWeight=1
IOSchedulingClass=idle
IOWeight=1
TasksMax=64
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_SETFCAP
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=%[4]s %[9]s
PrivateTmp=%[10]s
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX
%[11]s`, t.Name, purpose, strings.TrimSpace(hot+" "+cold), cold, order, agent.Program(t.home()), t.scrubFile(), flags, t.scrubState(), privateTmp(hot, cold), hardening, startable, before)
}

// scrubTimer starts the runs. One that was missed while the machine was off is
// made when it is on again.
func (t Tier) scrubTimer(node string) []byte {
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: when the archive %[2]s is read again

[Timer]
OnCalendar=%[3]s
Persistent=yes
RandomizedDelaySec=30min

[Install]
WantedBy=timers.target
`, t.Name, t.Nodes[node].Cold, t.Scrub.Calendar)
}

// lentPath waits for what other nodes lend.
func (t Tier) lentPath(node string) []byte {
	cold := t.Nodes[node].Cold
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=File tier %[1]s: wait for what other nodes lend for files that rotted in %[2]s
RequiresMountsFor=%[2]s

[Path]
DirectoryNotEmpty=%[3]s

[Install]
WantedBy=paths.target
`, t.Name, cold, path.Join(cold, model.Workshop, model.Lent))
}

// scrubStatus asks what the scrub found.
func (t Tier) scrubStatus() converge.Question[model.ScrubStatus] {
	return told[model.ScrubStatus]("what rotted in the archive", t.scrubStatusFile())
}

// CodeRotten says that files of an archive rotted, or that it could not be read.
const CodeRotten converge.Code = "tier-rotten"

// scrubProblem is what is wrong with the archive on a node; "" for nothing.
func scrubProblem(status model.ScrubStatus) string {
	switch rotten := len(status.Rotten) + status.More; {
	case rotten > 0:
		first := status.Rotten[0]
		return fmt.Sprintf("%s not as before, and nobody changed it, the first is %q: %s", files(rotten), PathOf(first.Path), oneLine(first.Why))
	case status.Error != "":
		return "the archive cannot be read again: " + oneLine(status.Error)
	}
	return ""
}

// CodeGone says that an archive lost files.
const CodeGone converge.Code = "tier-gone"

// goneProblem is what the archive on a node has lost; "" for nothing.
func goneProblem(status model.ScrubStatus) string {
	if len(status.Gone) == 0 {
		return ""
	}
	first := status.Gone[0]
	return fmt.Sprintf("%s gone, and cold_deletions did not ask for it, the first is %q, missed since %s: look after its disk; where another archive has it, the next run brings it back, and the scrub after that forgets it",
		files(len(status.Gone)+status.MoreGone), PathOf(first.Path), first.At.UTC().Format(time.RFC3339))
}

// files counts those of an archive.
func files(count int) string {
	if count == 1 {
		return "1 file of the archive is"
	}
	return fmt.Sprintf("%d files of the archive are", count)
}

// PathOf is what a person reads of a quoted path.
func PathOf(quoted string) string {
	name, err := model.UnquotePath(quoted)
	if err != nil {
		name = quoted
	}
	return oneLine(name)
}

// Scrubbed says what rotted on a node and is not mended, and what is gone, by what was
// observed of its machine.
func (t Tier) Scrubbed(node string, o converge.Observation) ([]converge.Line, error) {
	if !t.scrubs() {
		return nil, nil
	}
	status, err := t.scrubStatus().Answer(o)
	return scrubProblems(node, status), err
}

func scrubProblems(node string, status model.ScrubStatus) []converge.Line {
	var lines []converge.Line
	if problem := scrubProblem(status); problem != "" {
		lines = append(lines, converge.Line{Subject: node, Code: CodeRotten, Text: problem})
	}
	if problem := goneProblem(status); problem != "" {
		lines = append(lines, converge.Line{Subject: node, Code: CodeGone, Text: problem})
	}
	return lines
}
