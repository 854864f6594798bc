// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

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
