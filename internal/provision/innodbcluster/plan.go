// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
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
		return nil
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

// joins are the declared servers that are not in the group, or not yet.
func joins(c Cluster, seen map[string]Seen, situation Situation) ([]Operation, error) {
	primary := seen[situation.Primary]
	empty := len(primary.Schemas) == 0 && primary.Purged == ""
	var list []Operation
	for _, key := range c.keys() {
		one := seen[key]
		switch state := situation.Members[key].State; {
		case state == "ONLINE" || !one.Answers:
		case state == "RECOVERING":
			list = append(list, Operation{Kind: Await, Key: key, Together: true})
		case state != "ERROR" && one.Starting && !one.Waited && situation.configured(one):
			// It comes by itself; a new password now would lock it out.
			list = append(list, Operation{Kind: Await, Key: key, Together: true})
		default:
			if sharesUUID(c, seen, key) {
				list = append(list, Operation{Kind: Renew, Key: key})
			}
			clone, err := recovery(c, one, primary)
			if err != nil {
				return nil, fmt.Errorf("member %s: %w", key, err)
			}
			list = append(list, Operation{Kind: Join, Key: key, Clone: clone, Together: empty && !clone})
		}
	}
	return list, nil
}

// sharesUUID finds the later bearers of a UUID.
func sharesUUID(c Cluster, seen map[string]Seen, key string) bool {
	state, _ := seen[key].state()
	for _, other := range c.keys() {
		if other == key || seen[other].UUID != seen[key].UUID || !seen[other].Answers {
			continue
		}
		if otherState, _ := seen[other].state(); otherState == "ONLINE" || state == "OFFLINE" && other < key {
			return true
		}
	}
	return false
}

// recovery decides how a joiner gets its data, and refuses one that would lose
// some of its own.
func recovery(c Cluster, joiner, primary Seen) (clone bool, err error) {
	has, err := joiner.transactions()
	if err != nil {
		return false, err
	}
	group, err := primary.transactions()
	if err != nil {
		return false, err
	}
	purged, err := ParseGTIDSet(primary.Purged)
	if err != nil {
		return false, err
	}
	if own := has.Minus(group); !own.Empty() {
		return false, fmt.Errorf("%w that the group has not: %s. Nothing was changed. Save what it holds, then empty the server (delete_data = true, apply, destroy) and join it again", ErrDiverged, own)
	}
	// Data can be outside of all binary logs, and machines of one image number
	// different transactions alike: what the group does not know at all is the
	// joiner's own whatever the sets say.
	if own := unknown(joiner.Schemas, primary.Schemas); len(own) > 0 || has.Empty() && len(joiner.Schemas) > 0 {
		return false, fmt.Errorf("%w: its schemas %s are not the group's. Nothing was changed. Save what it holds, then empty the server and join it again", ErrDiverged, strings.Join(joiner.Schemas, ", "))
	}
	possible := purged.Within(has)
	row := clusterRow(primary, c.Name)
	// Only what a member once took from the group is known to be the group's
	// own; see above about machines of one image.
	_, returns := has[strings.ToLower(primary.Variables["group_replication_group_name"])]
	complete := returns || has.Empty() && (row != nil && row.Attributes.GTIDSetIsComplete || len(primary.Schemas) == 0)
	switch c.Options.RecoveryMethod {
	case "clone":
		return true, nil
	case "incremental":
		if !possible {
			return false, fmt.Errorf("incremental recovery is not possible: the group's binary logs no longer hold %s. Set recovery_method to auto or clone", purged.Minus(has))
		}
		return false, nil
	}
	return !possible || !complete, nil
}

// leaves are members that are not declared any more: secondaries first.
func leaves(c Cluster, seen map[string]Seen, situation Situation) ([]Operation, error) {
	var list []Operation
	for _, endpoint := range situation.Foreign {
		inView := slices.ContainsFunc(situation.view, func(m mysqld.Member) bool { return endpointOf(m) == endpoint && m.State != "UNREACHABLE" })
		_, known := c.Leavers[endpoint]
		switch {
		case !inView:
			list = append(list, Operation{Kind: Forget, Key: endpoint})
		case known && seen[endpoint].Answers:
			if err := survives(situation); err != nil {
				return nil, fmt.Errorf("member %s cannot leave now: %w", endpoint, err)
			}
			list = append(list, Operation{Kind: Leave, Key: endpoint})
		case known && seen[endpoint].Err != nil:
			return nil, fmt.Errorf("member %s cannot leave: %w", endpoint, seen[endpoint].Err)
		default:
			return nil, fmt.Errorf("%s is in the group and not declared, and how to reach its machine is not known: declare it as a member, or stop it by hand (STOP GROUP_REPLICATION)", endpoint)
		}
	}
	return list, nil
}

// survives says whether the group keeps its majority when one member leaves.
func survives(s Situation) error {
	alive := 0
	for _, member := range s.view {
		if member.State == "ONLINE" {
			alive++
		}
	}
	if (alive-1)*2 <= len(s.view)-1 && len(s.view) > 1 {
		return fmt.Errorf("of %d members only %d are online, so the group would lose its quorum: mend the others first", len(s.view), alive)
	}
	return nil
}

// stopped plans for a group that does not run: a new one, or a complete outage.
func stopped(c Cluster, seen map[string]Seen) ([]Operation, error) {
	var missing []string
	for _, key := range c.keys() {
		switch one := seen[key]; {
		case one.Err != nil:
			missing = append(missing, fmt.Sprintf("%s: %v", key, one.Err))
		case !one.Answers:
			missing = append(missing, key+": the server does not answer")
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w:\n%s", ErrNotWhole, strings.Join(missing, "\n"))
	}
	var renew []Operation
	for _, key := range c.keys() {
		one := seen[key]
		if state, _ := one.state(); state == "ONLINE" {
			return nil, fmt.Errorf("%w: %s sees no majority among %s. Bring the others back, or decide by hand which side goes on", ErrQuorum, key, describe(one.View))
		}
		if sharesUUID(c, seen, key) {
			renew = append(renew, Operation{Kind: Renew, Key: key})
		}
	}
	winner, err := mostAdvanced(c, seen)
	if err != nil {
		return nil, err
	}
	kind := Bootstrap
	if clusterRow(seen[winner], c.Name) != nil {
		kind = Reboot
	}
	return append(renew, Operation{Kind: kind, Key: winner}), nil
}

// unknown are the schemas that others lack.
func unknown(schemas, others []string) []string {
	var own []string
	for _, name := range schemas {
		if !slices.Contains(others, name) {
			own = append(own, name)
		}
	}
	return own
}

func describe(view []mysqld.Member) string {
	var parts []string
	for _, member := range view {
		parts = append(parts, endpointOf(member)+" "+member.State)
	}
	return strings.Join(parts, ", ")
}

// mostAdvanced is the server that holds all that any other holds. Sets of
// transactions are compared, never their counts.
func mostAdvanced(c Cluster, seen map[string]Seen) (string, error) {
	sets, best := map[string]GTIDSet{}, ""
	for _, key := range c.keys() {
		set, err := seen[key].transactions()
		if err != nil {
			return "", fmt.Errorf("member %s: %w", key, err)
		}
		sets[key] = set
		ahead := best == "" || !set.Within(sets[best]) || sets[best].Within(set) && len(seen[best].Schemas) == 0 && len(seen[key].Schemas) > 0
		if ahead {
			best = key
		}
	}
	for _, key := range c.keys() {
		if own := sets[key].Minus(sets[best]); !own.Empty() {
			return "", fmt.Errorf("members %s and %s: %w that the other has not (%s: %s; %s: %s). Nothing was changed. Decide which of them goes on, save what the other holds, and empty it",
				best, key, ErrDiverged, key, own, best, sets[best].Minus(sets[key]))
		}
		if own := unknown(seen[key].Schemas, seen[best].Schemas); key != best && (len(own) > 0 || sets[key].Empty() && len(seen[key].Schemas) > 0) {
			return "", fmt.Errorf("member %s: %w: its schemas %s, beside those of %s. Nothing was changed. Save what it holds and empty it", key, ErrDiverged, strings.Join(seen[key].Schemas, ", "), best)
		}
	}
	return best, nil
}
