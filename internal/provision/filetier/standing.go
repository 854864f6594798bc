// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// PairState says in a word how a pair is.
type PairState string

// The states of a pair. Only the first one is in step.
const (
	// InStep: all was carried, and changes are waited for.
	InStep PairState = "IN_STEP"
	// Partial: all was carried but for paths that are left.
	Partial PairState = "PARTIAL"
	// Working: trees are read, or changes carried.
	Working PairState = "WORKING"
	// Connecting: the other node is being dialled.
	Connecting PairState = "CONNECTING"
	// Waiting: it cannot go on now, and tries again.
	Waiting PairState = "WAITING"
	// Stopped: what keeps it in step does not run.
	Stopped PairState = "STOPPED"
	// Unknown: one of both nodes was not asked, or has told nothing.
	Unknown PairState = "UNKNOWN"
)

// Standing is how a pair is.
type Standing struct {
	Pair
	State PairState
	// Problem says why it is not in step, where a reason is known.
	Problem string
	// Status is what the node that dials tells; the zero value where State is Unknown.
	Status model.PairStatus
	// Behind is how long ago all was carried, by the clock of the node that dials: what
	// was changed before that is on both. Never says that it never was.
	Behind time.Duration
	Never  bool
}

// Standings says how each pair of hot trees is, in their order. Of a pair one of whose nodes was
// not asked nothing is said, whatever the other one tells of it.
func (t Tier) Standings(nodes map[string]NodeStatus) []Standing {
	var all []Standing
	for _, pair := range t.hot().Pairs {
		all = append(all, standing(pair, nodes))
	}
	return all
}

func standing(pair Pair, nodes map[string]NodeStatus) Standing {
	if unasked := pair.unasked(nodes); unasked != "" {
		return Standing{Pair: pair, State: Unknown, Problem: unasked}
	}
	dials := nodes[pair.Dials]
	status, told := dials.Dials[pair.Serves]
	if !told || status.Stage == "" {
		return Standing{Pair: pair, State: Unknown, Problem: pair.Dials + " has told nothing of it yet"}
	}
	s := Standing{Pair: pair, Status: status, Problem: oneLine(status.Error), Never: status.InStep.IsZero()}
	left := len(status.Skipped) + len(status.Failed)
	switch {
	case !slices.Contains(dials.Runs, pair.Serves) && status.Error == "":
		s.State, s.Problem = Stopped, "its unit does not run on "+pair.Dials
	case status.Error != "" || status.Stage == model.Waiting || !slices.Contains(dials.Runs, pair.Serves):
		s.State = Waiting
	case status.Stage == model.Connecting:
		s.State = Connecting
	case status.Stage == model.Watching && left > 0:
		s.State, s.Problem = Partial, fmt.Sprintf("%s left, the first is %s", paths(left), named(first(status)))
	case status.Stage == model.Watching:
		s.State = InStep
		return s
	case status.Stage == model.Working:
		s.State = Working
	default:
		s.State, s.Problem = Unknown, fmt.Sprintf("its stage %q is not known to this provider", status.Stage)
	}
	if !s.Never {
		s.Behind = max(0, dials.Now.Sub(status.InStep))
	}
	return s
}

// Known says whether what the pair tells is how it is now: its unit runs, and it
// has a line to the other node.
func (s Standing) Known() bool {
	return s.State == InStep || s.State == Partial || s.State == Working
}

// unasked says which of both nodes was not asked; "" when both were.
func (p Pair) unasked(nodes map[string]NodeStatus) string {
	for _, end := range []string{p.Dials, p.Serves} {
		if node, asked := nodes[end]; !asked || node.Err != nil {
			return end + " was not asked"
		}
	}
	return ""
}

// paths counts them.
func paths(count int) string {
	if count == 1 {
		return "1 path is"
	}
	return fmt.Sprintf("%d paths are", count)
}

// first is the first path that is left; the zero value for none.
func first(status model.PairStatus) model.Left {
	for _, left := range [][]model.Left{status.Skipped, status.Failed} {
		if len(left) > 0 {
			return left[0]
		}
	}
	return model.Left{}
}

func named(left model.Left) string { return model.Named(oneLine(left.Path)) }

// LeftBehind says which paths a node's pairs and archives leave as they are, by what was
// observed of its machine. What is in the way of all of a pair is drift.
func (t Tier) LeftBehind(node string, o converge.Observation) ([]converge.Line, error) {
	var lines []converge.Line
	var problems []error
	look := func(subject string, ended model.Stage, question converge.Question[model.PairStatus]) {
		status, err := question.Answer(o)
		problems = append(problems, err)
		if left := len(status.Skipped) + len(status.Failed); left > 0 && status.Error == "" && status.Stage == ended {
			one := first(status)
			lines = append(lines, converge.Line{Subject: subject, Code: CodeLeft, Text: fmt.Sprintf("%s left, the first is %s: %s", paths(left), named(one), cmp.Or(oneLine(one.Reason), "no reason is known"))})
		}
	}
	for _, peer := range t.hot().dialled(node) {
		look(Pair{node, peer}.String(), model.Watching, t.status(peer))
	}
	if t.cold() {
		for _, peer := range t.dialled(node) {
			look("archive "+Pair{node, peer}.String(), model.Resting, t.archiveStatus(peer))
		}
	}
	return lines, errors.Join(problems...)
}

// Limits say from when on something is worth a line.
type Limits struct {
	// FreePercent is the least that is left where a tree lies, of room and of inodes.
	FreePercent int64
	// Behind is the most that a pair may be behind that works.
	Behind time.Duration
}

// What only a tier's status says.
const (
	// CodeDisk: where a tree lies it is nearly full.
	CodeDisk converge.Code = "tier-disk"
	// CodeLeft: a pair leaves paths as they are.
	CodeLeft converge.Code = "tier-left"
	// CodeMissing: a machine has nothing of the tier, or no tree.
	CodeMissing converge.Code = "tier-missing"
)

// Problems says what is wrong with the tier, the worst first: who was not asked,
// what is not there, which pairs and archives are not in step, what rotted or is gone, where days
// do not move, and where it will soon be full.
func (t Tier) Problems(nodes map[string]NodeStatus, limits Limits) []converge.Line {
	var silent, missing, apart, rotten, stuck, full []converge.Line
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		node, tree := nodes[name], t.Nodes[name].tree()
		say := func(to *[]converge.Line, code converge.Code, format string, values ...any) {
			*to = append(*to, converge.Line{Subject: name, Code: code, Text: fmt.Sprintf(format, values...)})
		}
		switch {
		case node.Err != nil:
			say(&silent, converge.CodeNotAsked, "not asked: %s", converge.FirstLine(node.Err))
		case !node.Has:
			say(&missing, CodeMissing, "the tier is not on this machine")
		case !node.Tree:
			say(&missing, CodeMissing, "%s does not carry the tier's name: if it is a mount point, mount it", tree)
		}
		if line, is := nearlyFull(name, tree, node.Disk, limits.FreePercent); is {
			full = append(full, line)
		}
		if beside := node.Beside; beside != nil && !beside.Shares {
			if line, is := nearlyFull(name, t.Nodes[name].Cold, beside.Disk, limits.FreePercent); is {
				full = append(full, line)
			}
		}
		rotten = append(rotten, scrubProblems(name, node.Scrub)...)
		if problem := moverProblem(node.Mover, node.Now); problem != "" {
			say(&stuck, CodeMover, "%s", problem)
		}
	}
	for _, s := range t.Standings(nodes) {
		if text := s.text(limits); text != "" {
			apart = append(apart, converge.Line{Subject: s.String(), Code: CodeNotInStep, Text: text})
		}
	}
	return slices.Concat(silent, missing, apart, t.archiveProblems(nodes), rotten, stuck, full)
}

// text is what is wrong with a pair; "" for nothing. One that works all the time
// is as it should be, as long as it is not behind.
func (s Standing) text(limits Limits) string {
	if s.State == InStep || (s.State == Working || s.State == Connecting) && !s.Never && s.Behind <= limits.Behind {
		return ""
	}
	text := string(s.State)
	if s.Problem != "" {
		text += ": " + s.Problem
	}
	switch {
	case s.State == Unknown || s.State == Partial:
	case s.Never:
		text += ", and never was in step"
	default:
		text += fmt.Sprintf(", in step %s ago", s.Behind.Round(time.Second))
	}
	return text
}

// NearlyFull says where a node's tree, or its archive on another disk, lies and less is
// left than should be, by what was observed of the machine.
func (t Tier) NearlyFull(node string, o converge.Observation, leastPercent int64) ([]converge.Line, error) {
	var lines []converge.Line
	say := func(tree string, room converge.Question[provision.Disk]) error {
		disk, err := room.Answer(o)
		if line, is := nearlyFull(node, tree, disk, leastPercent); is {
			lines = append(lines, line)
		}
		return err
	}
	err := say(t.Nodes[node].tree(), t.room(node))
	if beside, is := t.countedBeside(node); is {
		err = errors.Join(err, say(beside.tree, t.roomApart(node)))
	}
	return lines, err
}

func nearlyFull(node, tree string, disk provision.Disk, leastPercent int64) (converge.Line, bool) {
	left := disk.Left()
	if disk.SizeKiB == 0 || left >= leastPercent {
		return converge.Line{}, false
	}
	return converge.Line{Subject: node, Code: CodeDisk, Text: fmt.Sprintf("where %s lies, %d %% is left, less than %d %%", tree, left, leastPercent)}, true
}
