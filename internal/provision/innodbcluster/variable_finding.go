// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

const (
	startVariable  = "group_replication_start_on_boot"
	triesVariable  = "group_replication_autorejoin_tries"
	stackVariable  = "group_replication_communication_stack"
	leaderVariable = "group_replication_paxos_single_leader"
	localVariable  = "group_replication_local_address"
)

// effective is what the group goes by: a variable that is read when a group or a member
// starts may have been set since.
func (s Observation) effective(name string) string {
	if runs := s.Running[name]; runs != "" {
		return runs
	}
	return s.Variables[name]
}

// leading says whether one member alone leads the group's consensus (ON), as the group
// has it, or had it when it ran; "" where there is none yet. A member that has it
// otherwise is not let in.
func (d *diagnosing) leading() string {
	if d.authority != "" {
		return d.seen[d.authority].effective(leaderVariable)
	}
	for _, key := range d.cluster.keys() {
		if one := d.seen[key]; one.Answers && d.configured(one) && one.Persisted[leaderVariable] != "" {
			return one.Persisted[leaderVariable]
		}
	}
	return ""
}

// wrongVariable is one that a member has otherwise than declared.
type wrongVariable struct {
	variable
	// is what a plan says of it, "" where the next start would not know of it; scope is
	// that of the statement that sets it right.
	is, scope string
}

// wrongVariables of a running member: those that it can be given as it runs, and those
// that its next start would bring otherwise than it runs now. Beside them are those
// that must not outlive a moment: the flag that makes second groups, and the list that
// keeps a member from starting.
func wrongVariables(c Cluster, key string, seen Observation) []wrongVariable {
	var wrong []wrongVariable
	for _, want := range c.variables(key, seen.Variables["group_replication_group_name"]) {
		if is, scope := seen.wrong(want); scope != "" {
			wrong = append(wrong, wrongVariable{want, is, scope})
		}
	}
	for _, want := range []variable{{"group_replication_bootstrap_group", "OFF", live}, {"group_replication_force_members", "", live}} {
		if is := seen.Variables[want.name]; want.differs(is) {
			wrong = append(wrong, wrongVariable{want, "is " + is, "GLOBAL"})
		}
	}
	return wrong
}

// variables finds what a member has otherwise than declared, now or at its next start.
func (d *diagnosing) variables(key string, seen Observation) {
	for _, name := range seen.undeclared(d.cluster, key) {
		d.find(Forget{key, name}, key, converge.CodeUndeclared, "variable %s: %s was persisted by hand", name, seen.Persisted[name])
	}
	var forgotten []string
	for _, wrong := range wrongVariables(d.cluster, key, seen) {
		if wrong.is == "" {
			forgotten = append(forgotten, wrong.name)
			continue
		}
		d.find(Configure{key}, key, converge.CodeValue, "variable %s: %s, want %s", wrong.name, wrong.is, wrong.value)
	}
	if len(forgotten) > 0 {
		d.find(Configure{key}, key, converge.CodeValue, "not persisted for the next start: %s", strings.Join(forgotten, ", "))
	}
}

// wrong says what is wrong with a variable, and the scope of the statement that sets it
// right; "" where none does. A guardian keeps MySQL from starting the member at boot,
// and from trying to rejoin for as long as it is there: of the tries what counts is the
// persisted number.
func (s Observation) wrong(want variable) (is, scope string) {
	runs := s.Variables[want.name]
	later, kept := s.Persisted[want.name]
	settable := want.takes == live || want.takes == fullStop && !want.differs(s.effective(want.name))
	switch {
	case s.Guarded && want.name == startVariable:
		return "", ""
	case want.name == localVariable && s.effective(stackVariable) == "XCOM":
		return "", "" // it is another port there
	case s.Guarded && want.name == triesVariable && runs == "0" && !want.differs(later):
		return "", ""
	case want.differs(runs) && settable:
		return "is " + runs, "PERSIST"
	case want.differs(runs):
		return "", ""
	case !kept && want.value != "" && want.value != "OFF": // which MySQL begins with
		return "", "PERSIST_ONLY"
	case kept && want.differs(later):
		return "is " + later + " at the next start", "PERSIST_ONLY"
	}
	return "", ""
}

// persistedByHand are the variables, or their beginnings, that a person may
// persist and that a running member can do without.
var persistedByHand = []string{
	"group_replication_bootstrap_group", "group_replication_force_members",
	"group_replication_member_weight", "group_replication_flow_control_", "group_replication_message_cache_size",
	"group_replication_clone_threshold", "group_replication_components_stop_timeout",
	"group_replication_recovery_retry_count", "group_replication_recovery_reconnect_interval",
	"group_replication_recovery_compression_algorithms", "group_replication_recovery_zstd_compression_level",
	"group_replication_compression_threshold", "group_replication_poll_spin_loops", "group_replication_communication_debug_options",
	"group_replication_elect_prefers_most_updated", "group_replication_preemptive_garbage_collection",
}

// undeclared are variables of the group that somebody persisted on the server and
// nobody declares.
func (s Observation) undeclared(c Cluster, key string) []string {
	var names []string
	declared := c.variables(key, "")
	for _, name := range slices.Sorted(maps.Keys(s.Persisted)) {
		known := slices.ContainsFunc(declared, func(v variable) bool { return v.name == name })
		if !known && slices.ContainsFunc(persistedByHand, func(begin string) bool { return strings.HasPrefix(name, begin) }) {
			names = append(names, name)
		}
	}
	return names
}
