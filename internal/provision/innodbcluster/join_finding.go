// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// joining is how a declared server that is not in the group comes into it.
func (d *diagnosing) joining(key string) (provision.Operation, error) {
	one, primary, state := d.seen[key], d.seen[d.Primary], d.Members[key].State
	d.joins++
	switch {
	case d.electing:
		return nil, nil //nolint:nilnil // nothing is wrong, and nobody joins now
	case state == "RECOVERING":
		return Await{key}, nil
	case state != "ERROR" && one.Starting && !one.Waited && d.configured(one):
		// It comes by itself; a new password now would lock it out.
		return Await{key}, nil
	case sharesUUID(d.cluster, d.seen, key):
		return Renew{key}, nil
	}
	if err := d.stranger(key); err != nil {
		return nil, err
	}
	if !primary.Answers {
		return nil, fmt.Errorf("%w: %s takes writes and was not heard. Nothing was changed. Make its machine answer, and apply again", ErrPrimaryUnheard, d.Primary)
	}
	clone, err := recovery(d.cluster, one, primary)
	if err != nil {
		return nil, err
	}
	if clone && erased(one, primary) && len(d.donors(key)) > 0 {
		// It has data of the group's, and the plan says that they go.
		return Replace{key, d.donor(key)}, nil
	}
	if clone {
		donor := d.Primary
		if len(d.donors(key)) > 0 {
			donor = d.donor(key)
		}
		// What is slow, the copies, they make one after another; what they lack then is little.
		return Join{Member: key, Donor: donor, Together: true}, nil
	}
	return Join{Member: key, Together: len(primary.Schemas) == 0 && primary.Purged == ""}, nil
}

// sharesUUID finds the later bearers of a UUID.
func sharesUUID(c Cluster, seen map[string]Observation, key string) bool {
	state := seen[key].state()
	for _, other := range c.keys() {
		if other == key || seen[other].UUID != seen[key].UUID || !seen[other].Answers {
			continue
		}
		if seen[other].state() == "ONLINE" || state == "OFFLINE" && other < key {
			return true
		}
	}
	return false
}

// recovery decides how a joiner gets its data, and refuses one that would lose
// some of its own.
func recovery(c Cluster, joiner, primary Observation) (clone bool, err error) {
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
		return false, fmt.Errorf("%w that the group has not: %s. Nothing was changed. Save what it holds, then give it the group's data (atoll_mysql_reset_member), or empty the server (apply delete_data = true, then apply without the server) and join it again", ErrDiverged, own)
	}
	// Data can be outside of all binary logs, and machines of one image number
	// different transactions alike: what the group does not know at all is the
	// joiner's own whatever the sets say.
	if own := unknown(joiner.Schemas, primary.Schemas); len(own) > 0 || has.Empty() && len(joiner.Schemas) > 0 {
		return false, fmt.Errorf("%w: its schemas %s are not the group's. Nothing was changed. Save what it holds, then empty the server and join it again", ErrDiverged, strings.Join(joiner.Schemas, ", "))
	}
	possible := purged.Within(has)
	row := c.row(primary)
	// Only what a member once took from the group is known to be the group's
	// own; see above about machines of one image.
	lacks := erased(joiner, primary)
	complete := tookPart(has, primary) && !lacks || has.Empty() && (row != nil && row.Attributes.GTIDSetIsComplete || len(primary.Schemas) == 0)
	switch c.Options.RecoveryMethod {
	case "clone":
		return true, nil
	case "incremental":
		if !possible {
			return false, fmt.Errorf("incremental recovery is not possible: the group's binary logs no longer hold %s. Set recovery_method to auto or clone", purged.Minus(has))
		}
		if lacks {
			return false, errors.New("incremental recovery is not possible: it holds the group's transactions without the cluster's metadata that they made, as after a destroy that was ended in the middle. Set recovery_method to auto or clone")
		}
		return false, nil
	}
	return !possible || !complete, nil
}

// tookPart says whether a server with these transactions took some from this group.
func tookPart(has GTIDSet, primary Observation) bool {
	_, found := has[strings.ToLower(primary.Variables["group_replication_group_name"])]
	return found
}

// erased finds a server that took the metadata from the group and has none: a destroy
// that was ended in the middle erased them there, without a transaction that would say
// so.
func erased(one, primary Observation) bool {
	has, err := one.transactions()
	return err == nil && tookPart(has, primary) && one.Schema == "" && primary.Schema != ""
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
