// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// State is what the servers' answers say of the cluster as a whole.
type State string

// The states. All but StateOnline are drift.
const (
	// StateOnline: every declared member takes part.
	StateOnline State = "ONLINE"
	// StatePartial: a majority takes part, and a declared member does not.
	StatePartial State = "PARTIAL"
	// StateOffline: no member is in the group.
	StateOffline State = "OFFLINE"
	// StateNoQuorum: members are in the group and none sees a majority.
	StateNoQuorum State = "NO_QUORUM"
	// StateSplitBrain: two groups take writes that do not see each other.
	StateSplitBrain State = "SPLIT_BRAIN"
	// StateDiverged: a server holds what the group has not.
	StateDiverged State = "DIVERGED"
	// StateHalfMade: the group is there and its metadata are not yet.
	StateHalfMade State = "HALF_MADE"
	// StateUnknown: no server that answered knows of the cluster.
	StateUnknown State = "UNKNOWN"
)

// Code is that of the line that says the state.
func (s State) Code() converge.Code {
	return converge.Code("cluster-" + strings.ToLower(strings.ReplaceAll(string(s), "_", "-")))
}

// state adds the findings up. Those that a person has to decide come first.
func (d *diagnosing) state() State {
	_, refusal := d.Operations()
	running := d.authority != ""
	switch {
	case errors.Is(refusal, ErrSplitBrain):
		return StateSplitBrain
	case errors.Is(refusal, ErrDiverged):
		return StateDiverged
	case running && !d.Found, !running && !d.Found && d.GroupName != "":
		return StateHalfMade
	case running && len(d.away()) > 0:
		return StatePartial
	case running:
		return StateOnline
	case len(d.stale()) > 0, len(d.fallen()) > 0 && len(d.missing()) > 0:
		return StateNoQuorum
	case d.Found:
		return StateOffline
	}
	return StateUnknown
}

// say puts the state before what else was found, in a sentence: which it is,
// what is true, and what an apply does about it.
func (d *diagnosing) say() {
	d.State = d.state()
	d.Truth = d.truth()
	if d.State == StateOnline && d.Primary != "" {
		return
	}
	code := d.State.Code()
	if d.Unasked {
		code = CodeUnasked
	}
	d.Findings = append([]provision.Finding{{Line: converge.Line{
		Subject: "cluster " + d.cluster.Name, Code: code,
		Text: fmt.Sprintf("%s: %s; %s", d.State, d.Truth, d.prospect()) + d.guardians(),
	}}}, d.Findings...)
}

// truth is what the members are.
func (d *diagnosing) truth() string {
	if d.Unasked {
		return ErrUnasked.Error()
	}
	count := len(d.cluster.Members)
	parts := []string{fmt.Sprintf("%d of %d members are %s", count-len(d.away()), count, StateOnline)}
	switch {
	case d.State == StateHalfMade && d.authority != "":
		parts = append(parts, "the metadata that routers read are missing")
	case d.Primary != "":
		parts = append(parts, d.Primary+" takes writes")
	default:
		parts = append(parts, "nobody takes writes")
	}
	if d.State == StateSplitBrain {
		parts = nil // whom would one count?
	}
	for _, key := range d.away() {
		parts = append(parts, key+" "+d.whereabouts(key))
	}
	return strings.Join(parts, ", ")
}

// whereabouts of a member that does not take part.
func (d *diagnosing) whereabouts(key string) string {
	switch one := d.seen[key]; {
	case one.Err != nil:
		return "could not be asked"
	case !one.Answers:
		return "does not answer"
	case d.Members[key].State == group.NoQuorum:
		return "waits in a group without a majority"
	}
	return "is " + d.Members[key].State
}

// prospect is what an apply does about it.
func (d *diagnosing) prospect() string {
	operations, refusal := d.Operations()
	const unheard = "apply can do nothing until they answer"
	switch {
	case d.Unasked:
		return unheard
	case errors.Is(refusal, ErrNotWhole) && d.onlyDown():
		return "apply starts the servers first, each by its atoll_mysql_server, and then the group"
	case refusal != nil:
		return "apply refuses: " + flat(refusal)
	case len(operations) > 0:
		var texts []string
		for _, operation := range operations {
			texts = append(texts, operation.String())
		}
		return "apply will " + strings.Join(texts, ", ")
	case len(d.unheard()) > 0:
		return unheard
	}
	return "apply waits for it"
}

// flat writes an error in one line.
func flat(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// away are the declared members that do not take part.
func (d *diagnosing) away() []string {
	var keys []string
	for _, key := range d.cluster.keys() {
		if d.Members[key].State != "ONLINE" {
			keys = append(keys, key)
		}
	}
	return keys
}

// onlyDown says whether all that keeps the group from starting is that servers do not run,
// as their machines say: what starts them comes before the cluster in an apply.
func (d *diagnosing) onlyDown() bool {
	unheard := d.unheard()
	asked := !slices.ContainsFunc(unheard, func(key string) bool { return d.seen[key].Err != nil })
	return asked && len(d.stale()) == 0 && len(d.fallen()) == 0 && len(d.missing()) == len(unheard)
}

// unheard are the declared members that said nothing.
func (d *diagnosing) unheard() []string {
	var keys []string
	for _, key := range d.cluster.keys() {
		if !d.seen[key].Answers {
			keys = append(keys, key)
		}
	}
	return keys
}

// stale are the declared members in a group without a majority.
func (d *diagnosing) stale() []string {
	var keys []string
	for _, key := range d.cluster.keys() {
		if said, heard := d.heard[key]; heard && d.authority == "" && said.View.Own().Alive() {
			keys = append(keys, key)
		}
	}
	return keys
}

// fallen are the declared members that fell out of their group by themselves, of
// which nobody has a majority: as far as anybody knows they lost it.
func (d *diagnosing) fallen() []string {
	var keys []string
	for _, key := range d.cluster.keys() {
		if d.authority == "" && d.configured(d.seen[key]) && d.seen[key].state() == "ERROR" {
			keys = append(keys, key)
		}
	}
	return keys
}
