// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// journal is what unison's output says: it has no other way to tell. The lines
// are those of 2.52 and 2.53 (uitext.ml), and of neither anything depends on one
// that says that all is well not being there.
type journal struct {
	status tier.PairStatus
	// fatal are the lines of the error that it ends with.
	fatal []string
	// before are the last lines up to the first sign of the other node: where it is
	// not reached, ssh and the agent there say why.
	before []string
	// compared says that both trees were read: what was left before is no longer known
	// to be left.
	compared bool
	// reasons are why paths failed, failing is the path whose reason goes on.
	reasons map[string]string
	failing string
	// skipping is the text of a skipped path whose reason goes on.
	skipping string
	// moves says whether a path is that of a day that moves to the archive; nil
	// where none do.
	moves func(path string) bool
	// listed is how many paths the reading found that are to be carried.
	listed int
	// probe is told of what was carried, and of readings that ended well.
	probe *prober
	// shown is when a backlog was told last.
	shown time.Time
	// began is when the trees were begun to be read.
	began time.Time
	// changed tells of each new status.
	changed func(tier.PairStatus)
	now     func() time.Time
}

// longest is how much of an error is kept, in lines.
const longest = 12

func (j *journal) read(from io.Reader) {
	reader := bufio.NewScanner(from)
	reader.Buffer(nil, 1<<20)
	reader.Split(lines)
	for reader.Scan() {
		j.line(strings.TrimRight(reader.Text(), " "))
	}
	// What is too long to be a line is passed over: unison must not be held up.
	_, _ = io.Copy(io.Discard, from)
}

// lines parts by returns as well: with one the progress is written over.
func lines(data []byte, end bool) (int, []byte, error) {
	if at := bytes.IndexAny(data, "\r\n"); at >= 0 {
		return at + 1, data[:at], nil
	}
	if end && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

// How unison sums up a run.
const (
	complete   = "Synchronization complete"   //nolint:misspell // its own word
	incomplete = "Synchronization incomplete" //nolint:misspell // its own word
)

func (j *journal) line(line string) {
	if j.skipping != "" && j.goesOn(line) {
		return
	}
	if j.failing != "" {
		j.reasons[j.failing] = strings.TrimSpace(j.reasons[j.failing] + " " + line)
		j.failing = ""
		return
	}
	fatal, is := strings.CutPrefix(line, "Fatal error: ")
	if !is {
		fatal, is = strings.CutPrefix(line, "Error: ")
	}
	switch {
	case is:
		j.fatal = []string{fatal}
	case len(j.fatal) > 0:
		if line != "" && len(j.fatal) < longest {
			j.fatal = append(j.fatal, strings.TrimSpace(line))
		}
	case strings.HasPrefix(line, "Connected ["), strings.HasPrefix(line, "Looking for changes"):
		j.status.Backlog = nil
		j.to(tier.Working)
	case line == reconciling:
		j.reconcile()
	case listed(line):
		j.listed++
		j.returns(line)
	case line == propagating:
		j.propagate()
	case strings.HasPrefix(line, ended):
		j.carried(line[len(ended):])
	case strings.HasPrefix(line, "Nothing to do:"), strings.HasPrefix(line, complete):
		j.status.Read = j.began.UTC()
		if len(j.status.Returns) == 0 {
			j.status.InStep = j.now().UTC()
			j.probe.inStep(j.began, j.now())
		}
		j.watch()
	case strings.HasPrefix(line, incomplete):
		j.status.Read = j.began.UTC()
		j.watch()
	case strings.HasPrefix(line, skips):
		j.skip(line[len(skips):])
	case j.leavesPart(line), j.failed(line):
	case strings.HasPrefix(line, "Failed ["):
		j.progress()
		j.fails(line)
	case j.status.Stage == tier.Connecting && line != "" && !strings.HasSuffix(line, "Contacting server..."):
		j.before = append(j.before, line)
		j.before = j.before[max(0, len(j.before)-fewLines):]
	}
}

// fewLines are kept of what was said before a connection.
const fewLines = 3

// failure is what it ended with, in one line.
func (j *journal) failure(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		// The agent ends it by another signal: this one is mostly the kernel's.
		if status, is := exit.Sys().(syscall.WaitStatus); is && status.Signal() == syscall.SIGKILL {
			return killed
		}
	}
	said := append(slices.Clone(j.before), j.fatal...)
	if len(said) == 0 {
		return fmt.Sprintf("unison ended: %v", err)
	}
	return strings.Join(said, " ")
}

// killed is what a tree is told of that is too large for the unit's limit.
const killed = "unison was killed, mostly since it took more memory than memory_mib allows: journalctl -k tells. Give it more, or let days move to an archive earlier (hot_days)"

func (j *journal) to(stage tier.Stage) {
	if j.status.Stage != stage {
		j.status.Since = j.now().UTC()
	}
	j.status.Stage, j.status.Error = stage, ""
	j.changed(j.status)
}

// most is how many paths are listed.
const most = 1000

// fails reads why a path failed: "Failed [PATH]: REASON", of which the first line
// mostly says what was tried only.
func (j *journal) fails(line string) {
	path, reason, whole := strings.Cut(line[len("Failed ["):], "]: ")
	if !whole {
		return
	}
	if j.reasons == nil {
		j.reasons = map[string]string{}
	}
	if path = top(path); len(j.reasons) < most {
		j.reasons[path] = reason
		if strings.HasSuffix(reason, ":") {
			j.failing = path
		}
	}
}

// note adds a path to those that are left, which are sorted.
func note(known []tier.Left, one tier.Left) []tier.Left {
	at, found := slices.BinarySearchFunc(known, one, func(a, b tier.Left) int { return cmp.Compare(a.Path, b.Path) })
	switch {
	case found:
		known = slices.Clone(known)
		known[at] = one
		return known
	case len(known) >= most:
		return known
	}
	return slices.Insert(slices.Clone(known), at, one)
}

// lostArchives says whether unison ended because one side has no memory of the
// other any more, or another one than that.
func (j *journal) lostArchives() bool {
	said := strings.Join(j.fatal, " ")
	return strings.Contains(said, "ignorearchives") || strings.Contains(said, "inconsistent state") || strings.Contains(strings.ToLower(said), "archive file is corrupted")
}
