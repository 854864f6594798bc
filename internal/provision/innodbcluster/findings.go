// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// What only this plugin's lines say.
const (
	// CodeState: the group does not have the member online.
	CodeState converge.Code = "cluster-state"
	// CodeAccount is said of the accounts that members recover with.
	CodeAccount converge.Code = "cluster-account"
	// CodePrimary: another member takes writes.
	CodePrimary converge.Code = "cluster-primary"
	// CodeFullStop: only a stop of the whole group changes it.
	CodeFullStop converge.Code = "cluster-full-stop"
	// CodeTrust is said of how members know each other.
	CodeTrust converge.Code = "cluster-trust"
	// CodeMetadata is said of the rows that routers read.
	CodeMetadata converge.Code = "cluster-metadata"
	// CodeRouter: a router is not declared; CodeRouterAtWork: and it is there.
	CodeRouter       converge.Code = "cluster-router"
	CodeRouterAtWork converge.Code = "cluster-router-at-work"
)

// diagnosing is a diagnosis on its way.
type diagnosing struct {
	Diagnosis
	cluster Cluster
	seen    map[string]Observation
	heard   map[string]group.Heard
	// authority is the key of the server whose view counts; "" for none.
	authority string
	// present is where the metadata say that the accounts are let in from.
	present string
	// joins counts newcomers, leaves says that a member goes, electing that
	// nobody takes writes for now.
	joins    int
	leaves   bool
	electing bool
	// hold: something else has to be done first.
	hold bool
}

// find notes a finding with its line; mend may be nil.
func (d *diagnosing) find(mend provision.Operation, subject string, code converge.Code, text string, values ...any) {
	if d.electing || d.hold {
		mend = nil
	}
	d.Findings = append(d.Findings, provision.Finding{Line: converge.Line{Subject: subject, Code: code, Text: fmt.Sprintf(text, values...)}, Mend: mend})
}

// refuse notes why nothing may be done; what is wrong other findings say.
func (d *diagnosing) refuse(err error) {
	if err != nil {
		d.Findings = append(d.Findings, provision.Finding{Refusal: err})
	}
}

// Errors of a plan: what a person has to decide.
var (
	// ErrNotWhole: a new or stopped group needs all of its members.
	ErrNotWhole = errors.New("every member has to answer before the group can start")
	// ErrQuorum: members run and see no majority.
	ErrQuorum = errors.New("the group has lost its quorum")
	// ErrCut: members run, and the line between them does not.
	ErrCut = errors.New("the members do not reach each other")
	// ErrSplitBrain: two groups of one cluster take writes.
	ErrSplitBrain = errors.New("two groups take writes, each without the other")
	// ErrDiverged: a server holds transactions that the group has not.
	ErrDiverged = errors.New("it holds transactions of its own")
	// ErrFullStop: what is declared takes effect only after the whole group was stopped.
	ErrFullStop = errors.New("the whole group has to be stopped")
	// ErrMetadata: the metadata are of a version that no member can be written into.
	ErrMetadata = errors.New("the cluster's metadata are too old, or being upgraded")
	// ErrForeign: a server or member belongs to something else.
	ErrForeign = errors.New("it belongs to another cluster")
)

// refusals are for servers that can never be members as they are.
func (d *diagnosing) refusals() {
	versions := map[string]string{}
	for _, key := range d.cluster.keys() {
		d.refuse(usable(d.cluster, key, d.seen[key]))
		d.refuse(d.replica(key))
		if d.seen[key].Answers {
			versions[key] = d.seen[key].Version
		}
	}
	d.refuse(mysqlroot.Compatible(versions))
}

// usable refuses a server that can never be a member as it is.
func usable(c Cluster, key string, seen Observation) error {
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
		if !c.owns(row) && !seen.left() {
			return fmt.Errorf("member %s: %w: its metadata name the cluster %q. Dissolve that first, or declare its name", key, ErrForeign, row.Name)
		}
	}
	return nil
}

// leftovers finds servers that left another cluster and still hold what that
// wrote into their data. Until that is erased nothing else is to be done.
func (d *diagnosing) leftovers() bool {
	found := false
	for _, key := range d.cluster.keys() {
		for _, row := range d.seen[key].Clusters {
			if !d.cluster.owns(row) && d.seen[key].left() {
				found = true
				d.Findings = append(d.Findings, provision.Finding{Mend: Erase{key}})
			}
		}
	}
	return found
}

// running diagnoses a group that has a majority.
func (d *diagnosing) running() {
	authority := d.seen[d.authority]
	row := d.cluster.row(authority)
	if err := d.rivals(); err != nil {
		d.refuse(err)
		return
	}
	// It is electing, or its primary is not ours to use: look again.
	d.electing = d.Primary == "" || row == nil && len(authority.Instances) > 0
	d.hold = d.fullStop() || d.mode(authority) || d.outdated(authority) || d.hold
	for _, key := range d.cluster.keys() {
		d.member(key)
	}
	d.verifying()
	d.foreign(authority)
	d.metadata(row, authority)
	d.role()
	d.refuse(d.outdatedMetadata(authority.Schema))
}

// rivals is an error where two groups take writes.
func (d *diagnosing) rivals() error {
	one, other, found := group.Rivals(d.heard)
	if !found {
		return nil
	}
	return fmt.Errorf("%w: %s, which sees %s, and %s, which sees %s. Nothing was changed. Decide which goes on, save what only the other holds, and stop group replication on the other's members",
		ErrSplitBrain, one, describe(d.seen[one].View), other, describe(d.seen[other].View))
}

// outdatedMetadata refuses to write a member into metadata that have no place for
// what is written of it: before 2.2 the type of an instance. Whatever else is to be
// done goes on.
func (d *diagnosing) outdatedMetadata(version string) error {
	registers := slices.ContainsFunc(d.Findings, func(f provision.Finding) bool {
		switch f.Mend.(type) {
		case Join, Register:
			return true
		}
		return false
	})
	if !registers {
		return nil
	}
	return takesNoMember(version)
}

// takesNoMember is an error for metadata that have no place for the type of an instance.
func takesNoMember(version string) error {
	if version == "" || !mysqld.ParseVersion(version).Before(2, 2, 0) {
		return nil
	}
	return tooOld(version, "a member is written into")
}

// tooOld refuses what metadata before 2.2.0 have no place for.
func tooOld(version, what string) error {
	if version == "0.0.0" {
		return fmt.Errorf("%w: an upgrade of them is at work or was ended in the middle. Wait for it, or declare metadata_version, or run dba.upgradeMetadata() of MySQL Shell, and apply again", ErrMetadata)
	}
	return fmt.Errorf("%w: they are of version %s, and %s 2.2.0 or later. Declare metadata_version, or run dba.upgradeMetadata() of MySQL Shell on the cluster, and apply again", ErrMetadata, version, what)
}

// member finds what is wrong with one declared member of a running group.
func (d *diagnosing) member(key string) {
	seen, state := d.seen[key], d.Members[key].State
	if d.silent(key) {
		return
	}
	if state != "ONLINE" {
		mend, err := d.joining(key)
		d.find(mend, key, CodeState, "%s, want ONLINE", state)
		if err != nil && !d.electing {
			d.refuse(fmt.Errorf("member %s: %w", key, err))
		}
		return
	}
	d.variables(key, seen)
	if account := d.cluster.Members[key].Account(); seen.RecoveryUser != account {
		d.find(Credential{key}, key, CodeAccount, "recovery account: is %q, want %s", seen.RecoveryUser, account)
	} else if wrong := wrongAccount(seen, account, d.hostOf(seen, account)); wrong != "" {
		d.find(Credential{key}, key, CodeAccount, "recovery account %s: %s", account, wrong)
	} else {
		d.twins(key)
	}
}

// wrongAccount says what would keep a member from coming back after its next
// restart.
func wrongAccount(seen Observation, name, host string) string {
	for _, account := range seen.Accounts {
		if account.User == name && account.Host == host {
			if wrong := account.wrong(); wrong != "" || seen.Login == "yes" {
				return wrong
			}
			return "it cannot log in: " + seen.Login
		}
	}
	return "missing"
}

// silent finds a server that said nothing.
func (d *diagnosing) silent(key string) bool {
	switch seen := d.seen[key]; {
	case seen.Err != nil:
		line, notAsked := converge.NotAsked(seen.Err)
		if !notAsked {
			line = converge.Line{Subject: "unreachable", Code: converge.CodeUnreachable, Text: converge.FirstLine(seen.Err)}
		}
		d.find(nil, key, line.Code, "%s: %s", line.Subject, line.Text)
		return true
	case !seen.Answers:
		d.find(nil, key, converge.CodeSilent, "the server does not answer")
		return true
	}
	return false
}

// foreign finds what the group or its metadata hold and nobody declares.
// Newcomers come first: the group is never smaller than declared. They go one
// after another, each by what is seen then.
func (d *diagnosing) foreign(authority Observation) {
	found := map[string]bool{}
	for _, member := range d.view {
		found[member.Endpoint()] = true
	}
	for _, row := range authority.Instances {
		// A read replica is no member, and others look after it.
		if row.Type != "read-replica" {
			found[row.Address] = true
		}
	}
	for _, endpoint := range slices.Sorted(maps.Keys(found)) {
		if d.cluster.keyOf(endpoint) != "" {
			continue
		}
		d.Foreign = append(d.Foreign, endpoint)
		var mend provision.Operation
		var refusal error
		if d.joins == 0 && !d.electing {
			mend, refusal = d.leaving(endpoint)
		}
		if _, leaves := mend.(Leave); leaves && d.leaves {
			mend = nil // the group looks otherwise when the one before has left
		} else if leaves {
			d.leaves = true
		}
		d.find(mend, endpoint, converge.CodeUndeclared, "in the cluster and not declared")
		d.refuse(refusal)
	}
}

// metadata compares the rows that routers read.
func (d *diagnosing) metadata(row *ClusterRow, authority Observation) {
	if row == nil {
		d.find(Install{d.Primary}, "cluster metadata", CodeMetadata, "missing")
		return
	}
	if is, want := row.Attributes.TransactionSizeLimit, d.cluster.Options.TransactionSizeLimit; is != want {
		d.find(Describe{d.Primary}, "cluster metadata", CodeMetadata, "transaction size limit is %d, want %d", is, want)
	}
	if is := row.PrimaryMode == "mm"; is != d.cluster.Options.MultiPrimary {
		d.find(Describe{d.Primary}, "cluster metadata", CodeMetadata, "says %s, want %s", modeName(is), modeName(!is))
	}
	if is, want := row.Name, d.cluster.Name; is != want {
		d.find(Describe{d.Primary}, "cluster metadata", CodeMetadata, "name is %s, want %s", is, want)
	}
	if is, want := row.Attributes.GroupName, d.GroupName; is != want {
		d.find(Describe{d.Primary}, "cluster metadata", CodeMetadata, "group name is %s, want %s", is, want)
	}
	for _, key := range d.wrongRows(authority) {
		d.find(Register{key}, key, CodeMetadata, "row in the cluster metadata: missing or differs")
	}
	d.hidden(authority)
	d.routing(row, authority.Schema)
	d.limits(authority)
	for _, account := range d.cluster.unusedAccounts(authority) {
		var mend provision.Operation
		if len(d.Foreign) == 0 {
			mend = DropAccount{Account: account}
		}
		d.find(mend, "account "+account, CodeAccount, "belongs to no member")
	}
	d.routers(authority)
}

// wrongRows are the online members whose row is missing or names another server.
func (d *diagnosing) wrongRows(authority Observation) []string {
	c := d.cluster
	var wrong []string
	for _, key := range c.keys() {
		member := c.Members[key]
		if d.Members[key].State != "ONLINE" {
			continue
		}
		right := slices.ContainsFunc(authority.Instances, func(row InstanceRow) bool {
			return row.Address == member.Endpoint() && row.UUID == uuidOf(d.view, member.Endpoint()) &&
				row.Attributes.ServerID == member.ServerID && row.Attributes.RecoveryAcc == member.Account() &&
				(d.limiting() || cmp.Or(row.Attributes.RecoveryHost, anywhere) == c.host())
		})
		if !right {
			wrong = append(wrong, key)
		}
	}
	return wrong
}

// unusedAccounts are recovery accounts of no declared member and no row.
func (c Cluster) unusedAccounts(authority Observation) []string {
	used := map[string]bool{}
	for _, member := range c.Members {
		used[member.Account()] = true
	}
	for _, row := range authority.Instances {
		used[row.Attributes.RecoveryAcc] = true
	}
	var unused []string
	for _, account := range authority.Accounts {
		if !used[account.User] && !slices.Contains(unused, account.User) {
			unused = append(unused, account.User)
		}
	}
	slices.Sort(unused)
	return unused
}
