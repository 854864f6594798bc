// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
)

// Kind of an operation.
type Kind string

// The operations. Each can be run again after it was killed half-way.
const (
	// Bootstrap makes the group with its first member.
	Bootstrap Kind = "bootstrap the group on"
	// Reboot makes the group again after all of its members were down.
	Reboot Kind = "reboot the group from"
	// Renew gives a cloned server a UUID of its own.
	Renew Kind = "give a UUID of its own to"
	// Install writes the cluster metadata.
	Install Kind = "write the cluster metadata on"
	// Configure sets variables of a running member.
	Configure Kind = "set variables of"
	// Join brings a server into the group, for the first time or again.
	Join Kind = "join"
	// Await waits for a member that is on its way in.
	Await Kind = "wait for"
	// Register corrects a member's row in the metadata.
	Register Kind = "register"
	// Credential gives a member its own recovery account.
	Credential Kind = "renew the recovery account of"
	// Leave takes a member out of the group.
	Leave Kind = "take out"
	// Forget removes what is left of a member that is not in the group.
	Forget Kind = "forget"
	// Describe corrects what the metadata say about the cluster.
	Describe Kind = "correct the cluster metadata on"
	// Drop removes a recovery account of no member.
	Drop Kind = "drop account"
)

// Operation is one thing to do. Key is a member's; of Leave and Forget it is
// an endpoint, of Drop an account.
type Operation struct {
	Kind Kind
	Key  string
	// Clone: the joiner takes a copy of all data.
	Clone bool
	// Together: it may run beside its neighbours that are also so marked.
	Together bool
}

func (o Operation) String() string {
	text := string(o.Kind) + " " + o.Key
	if o.Kind == Join && o.Clone {
		text += " by clone"
	}
	return text
}

// Errors of a plan: what a person has to decide.
var (
	// ErrNotWhole: a new or stopped group needs all of its members.
	ErrNotWhole = errors.New("every member has to answer before the group can start")
	// ErrQuorum: members run and see no majority.
	ErrQuorum = errors.New("the group has lost its quorum")
	// ErrDiverged: a server holds transactions that the group has not.
	ErrDiverged = errors.New("it holds transactions of its own")
	// ErrForeign: a server or member belongs to something else.
	ErrForeign = errors.New("it belongs to another cluster")
)

// Plan gives the next operations, none when all is as declared. It is a
// function of its arguments, without I/O. After the operations the servers have
// to be asked again: there may be more to do.
func Plan(c Cluster, seen map[string]Seen) ([]Operation, error) {
	for _, key := range c.keys() {
		if err := usable(c, key, seen[key]); err != nil {
			return nil, err
		}
	}
	versions := map[string]string{}
	for key, one := range seen {
		if one.Answers && c.Members[key] != (Member{}) {
			versions[key] = one.Version
		}
	}
	if err := Compatible(versions); err != nil {
		return nil, err
	}
	if authority := authority(seen); authority != "" {
		return running(c, seen, authority)
	}
	return stopped(c, seen)
}

// usable refuses a server that can never be a member as it is.
func usable(c Cluster, key string, seen Seen) error {
	if seen.Err != nil || !seen.Answers {
		return nil //nolint:nilerr // the error is judged where the member is needed
	}
	if _, loaded := seen.Variables["group_replication_group_name"]; !loaded {
		return fmt.Errorf("member %s: the group_replication plugin is not loaded: apply its atoll_mysql_server first", key)
	}
	if seen.Endpoint != c.Members[key].Endpoint() {
		return fmt.Errorf("member %s: the server calls itself %s, and %s is declared: apply its atoll_mysql_server first", key, seen.Endpoint, c.Members[key].Endpoint())
	}
	for _, row := range seen.Clusters {
		if row.Name != c.Name {
			return fmt.Errorf("member %s: %w: its metadata name the cluster %q. Dissolve that first, or declare its name", key, ErrForeign, row.Name)
		}
	}
	return nil
}

// running plans for a group that has a majority.
func running(c Cluster, seen map[string]Seen, authority string) ([]Operation, error) {
	situation := Diagnose(c, seen)
	row := clusterRow(seen[authority], c.Name)
	if situation.Primary == "" || row == nil && len(seen[authority].Instances) > 0 {
		return nil, nil // the group is electing, or its primary is not ours to use: look again
	}
	var operations []Operation
	add := func(kind Kind, key string) { operations = append(operations, Operation{Kind: kind, Key: key}) }
	if row == nil {
		add(Install, situation.Primary)
	}
	for _, key := range c.keys() {
		if situation.Members[key].State == "ONLINE" && seen[key].Answers && len(wrongVariables(c, key, seen[key])) > 0 {
			add(Configure, key)
		}
	}
	joins, err := joins(c, seen, situation)
	if err != nil {
		return nil, err
	}
	operations = append(operations, joins...)
	if row == nil {
		return operations, nil
	}
	for _, key := range c.wrongRows(situation, seen[authority]) {
		add(Register, key)
	}
	for _, key := range c.keys() {
		if situation.Members[key].State == "ONLINE" && seen[key].Answers && seen[key].RecoveryUser != c.Members[key].Account() {
			add(Credential, key)
		}
	}
	if len(joins) == 0 {
		// Newcomers come first: the group is never smaller than declared.
		leaves, err := leaves(c, seen, situation)
		if err != nil {
			return nil, err
		}
		operations = append(operations, leaves...)
	}
	if row.Attributes.TransactionSizeLimit != c.Options.TransactionSizeLimit || row.Attributes.GroupName != situation.GroupName {
		add(Describe, situation.Primary)
	}
	if len(situation.Foreign) == 0 {
		for _, account := range c.unusedAccounts(seen[authority]) {
			add(Drop, account)
		}
	}
	return operations, nil
}
