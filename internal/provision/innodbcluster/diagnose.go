// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// Status of one member.
type Status struct {
	// State is the group's word (ONLINE, RECOVERING, OFFLINE, ERROR,
	// UNREACHABLE), or one of package group's: MISSING, NO_QUORUM, UNKNOWN.
	State string
	// Role is PRIMARY, SECONDARY or "".
	Role, Version string
	// Lag is the number of transactions received and not yet applied.
	Lag int64
}

// Diagnosis is what the servers' answers add up to.
type Diagnosis struct {
	// State of the whole; the first finding says it in a sentence.
	State State
	// Truth says what the members are, in a sentence without a name.
	Truth string
	// Primary is the key of the member that takes writes, or the endpoint of
	// one that is on its way out; "" when none does.
	Primary string
	// GroupName of the running or last group; ClusterID of its metadata.
	GroupName, ClusterID string
	Members              map[string]Status
	// Foreign are endpoints in the group or its metadata that are not declared.
	Foreign []string
	// Findings are what is not as declared.
	Findings []provision.Finding
	// Found says whether any server knows of the cluster at all.
	Found bool
	// Unasked says that no member could be asked: then nothing is known of it, and the
	// cluster may be at work.
	Unasked bool
	// allowedHost, trust and leads are what Cluster's are to be.
	allowedHost string
	trust       trust
	leads       string
	// view is the authority's.
	view []group.Member
}

// Drift is what a plan shows.
func (d Diagnosis) Drift() []converge.Line { return provision.Drift(d.Findings) }

// FullStop says whether an apply has to stop the whole group.
func (d Diagnosis) FullStop() bool {
	return slices.ContainsFunc(d.Findings, func(f provision.Finding) bool { return f.Line.Code == CodeFullStop })
}

// Operations is what an apply does next, nothing where nobody may do anything.
// After them the servers have to be asked again: there may be more to do.
func (d Diagnosis) Operations() ([]provision.Operation, error) {
	return provision.Operations(d.Findings)
}

// Diagnose compares the declaration with the answers. It is a function of its
// arguments, without I/O.
func Diagnose(c Cluster, seen map[string]Observation) Diagnosis { return diagnose(c, seen).Diagnosis }

// diagnose is Diagnose with what it went by.
func diagnose(c Cluster, seen map[string]Observation) *diagnosing {
	d := &diagnosing{Diagnosis: Diagnosis{Members: map[string]Status{}}, cluster: c, seen: seen, heard: heard(seen)}
	d.Unasked = len(seen) > 0 && len(d.heard) == 0
	if d.authority = group.Believed(d.heard); d.authority != "" {
		d.view = seen[d.authority].View
		d.GroupName = seen[d.authority].Variables["group_replication_group_name"]
	}
	d.present = cmp.Or(d.identity(), anywhere)
	d.cluster.allowedHost = d.allowed(d.present)
	d.cluster.leads = d.leading()
	d.trusting()
	d.standings()
	d.foreignPrimary()
	d.refusals()
	d.hold = d.leftovers()
	if d.authority != "" {
		d.running()
	} else {
		d.stopped()
	}
	d.say()
	d.allowedHost, d.trust, d.leads = d.cluster.allowedHost, d.cluster.trust, d.cluster.leads
	return d
}

// heard is what was said of the group, by those that could be asked.
func heard(seen map[string]Observation) map[string]group.Heard {
	said := map[string]group.Heard{}
	for key, one := range seen {
		if one.Err == nil {
			said[key] = group.Heard{Down: !one.Answers, View: one.group()}
		}
	}
	return said
}

// identity finds the cluster in the servers' metadata, and where they say that its
// accounts are let in from.
func (d *diagnosing) identity() (allowedHost string) {
	for _, key := range slices.Sorted(maps.Keys(d.seen)) {
		row := d.cluster.row(d.seen[key])
		if row == nil {
			continue
		}
		d.Found = true
		if key == d.authority || d.ClusterID == "" {
			d.ClusterID, allowedHost = row.ID, row.Attributes.AllowedHost
		}
		if d.GroupName == "" {
			d.GroupName = row.Attributes.GroupName
		}
	}
	return allowedHost
}

// row is that of the cluster in what a server said of its metadata: the one of
// its UUID, whatever it is called, and the one of its name where that is not known.
func (c Cluster) row(seen Observation) *ClusterRow {
	for _, row := range seen.Clusters {
		if c.owns(row) {
			return &row
		}
	}
	return nil
}

func (c Cluster) owns(row ClusterRow) bool { return row.ID == c.ID && c.ID != "" || row.Name == c.Name }

// standings works out how each member is.
func (d *diagnosing) standings() {
	endpoints := map[string]string{}
	for _, key := range d.cluster.keys() {
		endpoints[key] = d.cluster.Members[key].Endpoint()
	}
	standings := group.Standings(endpoints, d.heard)
	for _, key := range d.cluster.keys() {
		member, one := standings[key], d.seen[key]
		status := Status{member.State, member.Role, cmp.Or(member.Version, one.Version), member.Queue}
		if one.Answers && status.State == "OFFLINE" && !d.configured(one) {
			status.State = group.Missing // it is not of this group, or not yet
		}
		// In a multi-primary group all are, and one is enough: one that was heard.
		if status.Role == "PRIMARY" && member.Online() && (d.Primary == "" || key == d.cluster.Options.Primary || one.Answers && !d.seen[d.Primary].Answers) {
			d.Primary = key
		}
		d.Members[key] = status
	}
}

// foreignPrimary: a member that is on its way out may still be the primary, and
// newcomers join by it.
func (d *diagnosing) foreignPrimary() {
	for _, member := range d.view {
		endpoint := member.Endpoint()
		if _, known := d.cluster.Leavers[endpoint]; known && d.Primary == "" && member.Role == "PRIMARY" && member.Online() && d.seen[endpoint].Answers {
			d.Primary = endpoint
		}
	}
}

func (d *diagnosing) configured(seen Observation) bool {
	return d.GroupName != "" && seen.Variables["group_replication_group_name"] == d.GroupName
}

func uuidOf(view []group.Member, endpoint string) string {
	for _, member := range view {
		if member.Endpoint() == endpoint {
			return member.ID
		}
	}
	return ""
}

func join(list []string) string { return strings.Join(list, ",") }
