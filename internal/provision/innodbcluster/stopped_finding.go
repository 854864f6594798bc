// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// stopped diagnoses a group that does not run: a new one, or a complete outage.
func (d *diagnosing) stopped() {
	mends, err := d.start()
	for _, key := range d.cluster.keys() {
		if !d.silent(key) {
			d.find(mends[key], key, CodeState, "%s, want ONLINE", d.Members[key].State)
		}
	}
	d.refuse(err)
}

// start says by what the group starts again, by the keys of its members.
func (d *diagnosing) start() (map[string]provision.Operation, error) {
	c, seen := d.cluster, d.seen
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
	mends := map[string]provision.Operation{}
	for _, key := range c.keys() {
		one := seen[key]
		if state, _ := one.state(); state == "ONLINE" {
			return nil, fmt.Errorf("%w: %s sees no majority among %s. Bring the others back, or decide by hand which side goes on", ErrQuorum, key, describe(one.View))
		}
		if sharesUUID(c, seen, key) {
			mends[key] = Renew{key}
		}
	}
	winner, err := mostAdvanced(c, seen)
	if err != nil {
		return nil, err
	}
	if mends[winner] == nil {
		mends[winner] = Bootstrap{winner}
		if clusterRow(seen[winner], c.Name) != nil {
			mends[winner] = Reboot{winner}
		}
	}
	return mends, nil
}

func describe(view []group.Member) string {
	var parts []string
	for _, member := range view {
		parts = append(parts, member.Endpoint()+" "+member.State)
	}
	return strings.Join(parts, ", ")
}

// mostAdvanced is the server that holds all that any other holds. Sets of
// transactions are compared, never their counts.
func mostAdvanced(c Cluster, seen map[string]Observation) (string, error) {
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
