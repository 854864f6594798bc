// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// What only this plugin's lines say.
const (
	// CodeState: the group does not have the member online.
	CodeState converge.Code = "cluster-state"
	// CodeUnasked: no member could be asked.
	CodeUnasked converge.Code = "cluster-unasked"
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
	// ErrUnasked: nobody said anything, not even that nothing runs.
	ErrUnasked = errors.New("no member could be asked, so whether the cluster is at work is not known")
	// ErrQuorum: members run and see no majority.
	ErrQuorum = errors.New("the group has lost its quorum")
	// ErrCut: members run, and the line between them does not.
	ErrCut = errors.New("the members do not reach each other")
	// ErrSplitBrain: two groups of one cluster take writes.
	ErrSplitBrain = errors.New("two groups take writes, each without the other")
	// ErrDiverged: a server holds transactions that the group has not.
	ErrDiverged = errors.New("it holds transactions of its own")
	// ErrPrimaryUnheard: nobody said what the group holds now, with which a server's own
	// transactions would be compared.
	ErrPrimaryUnheard = errors.New("what the group holds is not known")
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
	d.ways(key)
	if account := d.cluster.Members[key].Account(); seen.RecoveryUser != account {
		d.find(Credential{key}, key, CodeAccount, "recovery account: is %q, want %s", seen.RecoveryUser, account)
	} else if wrong := wrongAccount(seen, account, d.hostOf(seen, account)); wrong != "" {
		d.find(Credential{key}, key, CodeAccount, "recovery account %s: %s", account, wrong)
	} else {
		d.twins(key)
	}
}

// noAnswer begins what a client says that reaches no server (CR_CONN_HOST_ERROR).
const noAnswer = "ERROR 2003 "

// wrongAccount says what would keep a member from coming back after its next
// restart.
func wrongAccount(seen Observation, name, host string) string {
	for _, account := range seen.Accounts {
		if account.User == name && account.Host == host {
			if wrong := account.wrong(); wrong != "" || seen.Login == "yes" {
				return wrong
			}
			if strings.HasPrefix(seen.Login, noAnswer) {
				return "nobody answers where it logs in: " + seen.Login + ". See that the mesh is up on the machine, and that no firewall there drops the port"
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
