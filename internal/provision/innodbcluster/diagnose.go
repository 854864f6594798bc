// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// Status of one member.
type Status struct {
	// State is the group's word (ONLINE, RECOVERING, OFFLINE, ERROR,
	// UNREACHABLE), or MISSING for a member that the group does not know.
	State string
	// Role is PRIMARY, SECONDARY or "".
	Role, Version string
	// Lag is the number of transactions received and not yet applied.
	Lag int64
}

// Situation is what the servers' answers add up to.
type Situation struct {
	// Primary is the key of the member that takes writes, or the endpoint of
	// one that is on its way out; "" when none does.
	Primary string
	// GroupName of the running or last group; ClusterID of its metadata.
	GroupName, ClusterID string
	Members              map[string]Status
	// Foreign are endpoints in the group or its metadata that are not declared.
	Foreign []string
	// Drift is what differs from the declaration.
	Drift []converge.Line
	// Found says whether any server knows of the cluster at all.
	Found bool
	// view is the authority's.
	view []group.Member
}

// What only this plugin's lines say.
const (
	// CodeState: the group does not have the member online.
	CodeState converge.Code = "cluster-state"
	// CodeAccount is said of the accounts that members recover with.
	CodeAccount converge.Code = "cluster-account"
	// CodeMetadata is said of the rows that routers read.
	CodeMetadata converge.Code = "cluster-metadata"
)

func (s *Situation) say(subject string, code converge.Code, text string, values ...any) {
	s.Drift = append(s.Drift, converge.Line{Subject: subject, Code: code, Text: fmt.Sprintf(text, values...)})
}

// Diagnose compares the declaration with the answers. It is a function of its
// arguments, without I/O.
func Diagnose(c Cluster, seen map[string]Seen) Situation {
	s := Situation{Members: map[string]Status{}}
	authority := authority(seen)
	if authority != "" {
		s.view = seen[authority].View
		s.GroupName = seen[authority].Variables["group_replication_group_name"]
	}
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		row := clusterRow(seen[key], c.Name)
		if row == nil {
			continue
		}
		s.Found = true
		if key == authority || s.ClusterID == "" {
			s.ClusterID = row.ID
		}
		if s.GroupName == "" {
			s.GroupName = row.Attributes.GroupName
		}
	}
	for _, key := range c.keys() {
		s.take(c, key, seen[key])
	}
	if authority != "" {
		s.foreignPrimary(c, seen)
		s.foreign(c, seen[authority])
		s.metadata(c, seen[authority])
	}
	return s
}

// authority is the server whose view counts: online in a majority, the primary
// before the others. A member that was expelled sees only itself.
func authority(seen map[string]Seen) string {
	best := ""
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		if !seen[key].group().Majority() {
			continue
		}
		_, role := seen[key].state()
		if best == "" || role == "PRIMARY" || len(seen[key].View) > len(seen[best].View) {
			best = key
		}
		if role == "PRIMARY" {
			return key
		}
	}
	return best
}

func clusterRow(seen Seen, name string) *ClusterRow {
	for _, row := range seen.Clusters {
		if row.Name == name {
			return &row
		}
	}
	return nil
}

// take works out the status of one member and its own drift.
func (s *Situation) take(c Cluster, key string, seen Seen) {
	status := Status{State: "MISSING", Version: seen.Version}
	for _, member := range s.view {
		if endpointOf(member) == c.Members[key].Endpoint() {
			status = Status{member.State, member.Role, member.Version, member.Queue}
			if member.Role == "PRIMARY" && member.State == "ONLINE" {
				s.Primary = key
			}
		}
	}
	if status.State == "MISSING" && seen.Answers {
		if own, _ := seen.state(); own == "ERROR" || own == "OFFLINE" && s.configured(seen) {
			status.State = own
		}
	}
	s.Members[key] = status
	switch {
	case seen.Err != nil:
		line, _, _ := strings.Cut(seen.Err.Error(), "\n")
		s.say(key, converge.CodeUnreachable, "unreachable: %s", line)
		return
	case !seen.Answers:
		s.say(key, converge.CodeSilent, "the server does not answer")
		return
	case status.State != "ONLINE":
		s.say(key, CodeState, "%s, want ONLINE", status.State)
		return
	}
	for _, wrong := range wrongVariables(c, key, seen) {
		s.say(key, converge.CodeValue, "variable %s: is %s, want %s", wrong.name, seen.Variables[wrong.name], wrong.value)
	}
	if seen.RecoveryUser != c.Members[key].Account() {
		s.say(key, CodeAccount, "recovery account: is %q, want %s", seen.RecoveryUser, c.Members[key].Account())
	}
}

func (s *Situation) configured(seen Seen) bool {
	return s.GroupName != "" && seen.Variables["group_replication_group_name"] == s.GroupName
}

// wrongVariables of a running member, without those that only the whole
// group's stop could change, but for the flag that makes second groups.
func wrongVariables(c Cluster, key string, seen Seen) []variable {
	var wrong []variable
	wanted := append(c.variables(key, ""), variable{"group_replication_bootstrap_group", "OFF", true})
	for _, want := range wanted {
		if is := seen.Variables[want.name]; want.live && !strings.EqualFold(is, want.value) {
			wrong = append(wrong, want)
		}
	}
	return wrong
}

// foreignPrimary: a member that is on its way out may still be the primary, and
// newcomers join by it.
func (s *Situation) foreignPrimary(c Cluster, seen map[string]Seen) {
	for _, member := range s.view {
		endpoint := endpointOf(member)
		if _, known := c.Leavers[endpoint]; known && member.Role == "PRIMARY" && member.State == "ONLINE" && seen[endpoint].Answers {
			s.Primary = endpoint
		}
	}
}

// foreign lists what the group or its metadata hold and nobody declares.
func (s *Situation) foreign(c Cluster, authority Seen) {
	found := map[string]bool{}
	for _, member := range s.view {
		found[endpointOf(member)] = true
	}
	for _, row := range authority.Instances {
		found[row.Address] = true
	}
	for _, endpoint := range slices.Sorted(maps.Keys(found)) {
		if c.keyOf(endpoint) == "" {
			s.Foreign = append(s.Foreign, endpoint)
			s.say(endpoint, converge.CodeUndeclared, "in the cluster and not declared")
		}
	}
}

// metadata compares the rows that routers read.
func (s *Situation) metadata(c Cluster, authority Seen) {
	row := clusterRow(authority, c.Name)
	if row == nil {
		s.say("cluster metadata", CodeMetadata, "missing")
		return
	}
	if row.Attributes.TransactionSizeLimit != c.Options.TransactionSizeLimit {
		s.say("cluster metadata", CodeMetadata, "transaction size limit is %d, want %d", row.Attributes.TransactionSizeLimit, c.Options.TransactionSizeLimit)
	}
	if row.Attributes.GroupName != s.GroupName {
		s.say("cluster metadata", CodeMetadata, "group name is %s, want %s", row.Attributes.GroupName, s.GroupName)
	}
	for _, key := range c.wrongRows(*s, authority) {
		s.say(key, CodeMetadata, "row in the cluster metadata: missing or differs")
	}
	for _, account := range c.unusedAccounts(authority) {
		s.say("account "+account, CodeAccount, "belongs to no member")
	}
}

// wrongRows are the online members whose row is missing or names another server.
func (c Cluster) wrongRows(s Situation, authority Seen) []string {
	var wrong []string
	for _, key := range c.keys() {
		member := c.Members[key]
		if s.Members[key].State != "ONLINE" {
			continue
		}
		right := slices.ContainsFunc(authority.Instances, func(row InstanceRow) bool {
			return row.Address == member.Endpoint() && row.UUID == uuidOf(s.view, member.Endpoint()) &&
				row.Attributes.ServerID == member.ServerID && row.Attributes.RecoveryAcc == member.Account()
		})
		if !right {
			wrong = append(wrong, key)
		}
	}
	return wrong
}

// unusedAccounts are recovery accounts of no declared member and no row.
func (c Cluster) unusedAccounts(authority Seen) []string {
	used := map[string]bool{}
	for _, member := range c.Members {
		used[member.Account()] = true
	}
	for _, row := range authority.Instances {
		used[row.Attributes.RecoveryAcc] = true
	}
	var unused []string
	for _, account := range authority.Accounts {
		if !used[account] {
			unused = append(unused, account)
		}
	}
	slices.Sort(unused)
	return unused
}

func uuidOf(view []group.Member, endpoint string) string {
	for _, member := range view {
		if endpointOf(member) == endpoint {
			return member.ID
		}
	}
	return ""
}

// endpointOf is a member of a view in the form of Member.Endpoint.
func endpointOf(member group.Member) string {
	return member.Endpoint()
}

func join(list []string) string { return strings.Join(list, ",") }
