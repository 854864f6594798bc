// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
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
	// UNREACHABLE), or MISSING for a member that the group does not know.
	State string
	// Role is PRIMARY, SECONDARY or "".
	Role, Version string
	// Lag is the number of transactions received and not yet applied.
	Lag int64
}

// Diagnosis is what the servers' answers add up to.
type Diagnosis struct {
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
	// view is the authority's.
	view []group.Member
}

// Drift is what a plan shows.
func (d Diagnosis) Drift() []converge.Line { return provision.Drift(d.Findings) }

// Operations is what an apply does next, nothing where nobody may do anything.
// After them the servers have to be asked again: there may be more to do.
func (d Diagnosis) Operations() ([]provision.Operation, error) {
	return provision.Operations(d.Findings)
}

// Diagnose compares the declaration with the answers. It is a function of its
// arguments, without I/O.
func Diagnose(c Cluster, seen map[string]Observation) Diagnosis {
	d := &diagnosing{Diagnosis: Diagnosis{Members: map[string]Status{}}, cluster: c, seen: seen, authority: authority(seen)}
	if d.authority != "" {
		d.view = seen[d.authority].View
		d.GroupName = seen[d.authority].Variables["group_replication_group_name"]
	}
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		row := clusterRow(seen[key], c.Name)
		if row == nil {
			continue
		}
		d.Found = true
		if key == d.authority || d.ClusterID == "" {
			d.ClusterID = row.ID
		}
		if d.GroupName == "" {
			d.GroupName = row.Attributes.GroupName
		}
	}
	for _, key := range c.keys() {
		d.status(key)
	}
	d.foreignPrimary()
	d.refusals()
	d.hold = d.leftovers()
	if d.authority != "" {
		d.running()
	} else {
		d.stopped()
	}
	return d.Diagnosis
}

// authority is the server whose view counts: online in a majority, the primary
// before the others. A member that was expelled sees only itself.
func authority(seen map[string]Observation) string {
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

func clusterRow(seen Observation, name string) *ClusterRow {
	for _, row := range seen.Clusters {
		if row.Name == name {
			return &row
		}
	}
	return nil
}

// status works out that of one member.
func (d *diagnosing) status(key string) {
	seen, endpoint := d.seen[key], d.cluster.Members[key].Endpoint()
	status := Status{State: "MISSING", Version: seen.Version}
	for _, member := range d.view {
		if member.Endpoint() == endpoint {
			status = Status{member.State, member.Role, member.Version, member.Queue}
			if member.Role == "PRIMARY" && member.Online() {
				d.Primary = key
			}
		}
	}
	if status.State == "MISSING" && seen.Answers {
		if own, _ := seen.state(); own == "ERROR" || own == "OFFLINE" && d.configured(seen) {
			status.State = own
		}
	}
	d.Members[key] = status
}

// foreignPrimary: a member that is on its way out may still be the primary, and
// newcomers join by it.
func (d *diagnosing) foreignPrimary() {
	for _, member := range d.view {
		endpoint := member.Endpoint()
		if _, known := d.cluster.Leavers[endpoint]; known && member.Role == "PRIMARY" && member.Online() && d.seen[endpoint].Answers {
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
