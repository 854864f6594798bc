// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package sitestatus

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// Limits say from when on something is worth a line.
type Limits struct {
	// FreePercent is the least that a disk has left, of room and of inodes.
	FreePercent int64
	// ClockOffset is the most that a clock is off.
	ClockOffset time.Duration
	// Queue is the most that a member has received and not applied, in transactions.
	Queue int64
}

// What only a site's status says.
const (
	// CodeDisk: a disk is nearly full.
	CodeDisk converge.Code = "site-disk"
	// CodeClock: a clock is off.
	CodeClock converge.Code = "site-clock"
	// CodeFailed: a unit has failed.
	CodeFailed converge.Code = "site-failed"
	// CodeMember: a member takes no part, or lags.
	CodeMember converge.Code = "site-member"
	// CodePrimary: nobody takes writes.
	CodePrimary converge.Code = "site-primary"
	// CodeRouter: a router does not run.
	CodeRouter converge.Code = "site-router"
)

// MemberStatus is a member of the database as the majority sees it.
type MemberStatus struct {
	// State is one of Group Replication's: OFFLINE also for a server that does not
	// run. MISSING is not in the group of the majority, NO_QUORUM is in one without
	// a majority, UNKNOWN is one of which nobody says anything.
	State, Role, Version string
	// Queue has the transactions that were received and not applied.
	Queue int64
}

// MembersOf says how each member is, and which takes writes; "" is none.
func (s Site) MembersOf(answers map[string]Answer) (all map[string]MemberStatus, primary string) {
	heard := map[string]group.Heard{}
	for key := range s.Members {
		answer := answers[s.MemberAt[key]]
		if answer.Err != nil || answer.DatabaseErr != nil || answer.Database == nil {
			continue
		}
		heard[key] = group.Heard{Down: answer.Database.Unit != "", View: answer.Database.View}
	}
	all = map[string]MemberStatus{}
	for key, m := range group.Standings(s.Members, heard) {
		all[key] = MemberStatus{State: m.State, Role: m.Role, Version: m.Version, Queue: m.Queue}
		if m.Role == "PRIMARY" && m.Online() {
			primary = key
		}
	}
	return all, primary
}

// Diagnose says what is wrong with the site, the worst first: who does not
// answer, the database, the links, and then what will be wrong soon.
func (s Site) Diagnose(answers map[string]Answer, limits Limits) []converge.Line {
	lines := silent(answers)
	lines = append(lines, s.database(answers, limits)...)
	lines = append(lines, s.links(answers)...)
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		if answers[name].Err == nil {
			lines = append(lines, answers[name].lines(name, limits)...)
		}
	}
	return lines
}

// unheard tells a machine that did not answer from one that was not asked, since
// its key or the login is another.
func unheard(name string, err error) converge.Line {
	if line, known := converge.NotAsked(err); known && line.Code == converge.CodeNotAsked {
		return converge.Line{Subject: name, Code: line.Code, Text: "not asked: " + converge.FirstLine(err)}
	}
	return converge.Line{Subject: name, Code: converge.CodeUnreachable, Text: "did not answer: " + converge.FirstLine(err)}
}

func silent(answers map[string]Answer) []converge.Line {
	var lines []converge.Line
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		if err := answers[name].Err; err != nil {
			lines = append(lines, unheard(name, err))
		}
	}
	return lines
}

func (s Site) database(answers map[string]Answer, limits Limits) []converge.Line {
	if len(s.Members) == 0 {
		return nil
	}
	var lines []converge.Line
	members, primary := s.MembersOf(answers)
	if primary == "" {
		lines = append(lines, converge.Line{Subject: "database", Code: CodePrimary, Text: "no member takes writes"})
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		member := members[key]
		switch err := answers[s.MemberAt[key]].DatabaseErr; {
		case err != nil:
			lines = append(lines, converge.Line{Subject: "member " + key, Code: CodeMember, Text: converge.FirstLine(err)})
		case member.State != "ONLINE":
			lines = append(lines, converge.Line{Subject: "member " + key, Code: CodeMember, Text: member.State + ", want ONLINE"})
		case member.Queue > limits.Queue:
			lines = append(lines, converge.Line{Subject: "member " + key, Code: CodeMember, Text: fmt.Sprintf("has %d transactions to apply, more than %d", member.Queue, limits.Queue)})
		}
	}
	return lines
}

// links are the pairs that do not work among those who answered.
func (s Site) links(answers map[string]Answer) []converge.Line {
	var lines []converge.Line
	for _, from := range slices.Sorted(maps.Keys(s.PeerAt)) {
		answer := answers[s.PeerAt[from]]
		for _, to := range slices.Sorted(maps.Keys(answer.Reach)) {
			if !answer.Reach[to] && answers[s.PeerAt[to]].Err == nil {
				lines = append(lines, converge.Line{Subject: from + " → " + to, Code: converge.CodeSilent, Text: "no answer over the mesh"})
			}
		}
	}
	return lines
}

// lines are those of one machine that answered.
func (a Answer) lines(name string, limits Limits) []converge.Line {
	var lines []converge.Line
	add := func(code converge.Code, format string, values ...any) {
		lines = append(lines, converge.Line{Subject: name, Code: code, Text: fmt.Sprintf(format, values...)})
	}
	for _, unit := range a.Failed {
		add(CodeFailed, "unit %s has failed", unit)
	}
	for _, unit := range a.Routers.Stopped() {
		if len(a.Routers.Active) == 1 {
			add(CodeRouter, "the router does not run")
		} else {
			add(CodeRouter, "the router of %s does not run", unit)
		}
	}
	for _, disk := range a.Disks {
		if left := disk.Left(); left < limits.FreePercent {
			add(CodeDisk, "%s has %d %% left, less than %d %%", disk.Mount, left, limits.FreePercent)
		}
	}
	// What a slow answer cannot tell is no fault of the clock.
	if off := a.Ahead.Abs(); off > limits.ClockOffset+a.Within {
		where := "ahead of"
		if a.Ahead < 0 {
			where = "behind"
		}
		add(CodeClock, "its clock is %s %s this machine's", off.Round(time.Second/10), where)
	}
	return lines
}
