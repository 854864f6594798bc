// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
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
	if d.Unasked {
		return nil, d.unasked()
	}
	c, seen, stale := d.cluster, d.seen, d.stale()
	if err := d.whole(); err != nil {
		if len(c.Options.QuorumSurvivors) == 0 || errors.Is(err, ErrCut) || !d.Found {
			return nil, err
		}
		return d.survive()
	}
	mends := map[string]provision.Operation{}
	for _, key := range c.keys() {
		if sharesUUID(c, seen, key) {
			mends[key] = Renew{key}
		}
	}
	// One that is starting by itself answers to nothing for the minute that this
	// takes where nobody is there.
	preferred := slices.DeleteFunc(c.keys(), func(key string) bool { return seen[key].Starting })
	if len(stale) > 0 {
		preferred = stale
	}
	winner, err := mostAdvanced(c, seen, preferred)
	if err != nil {
		return nil, err
	}
	switch {
	case len(stale) > 0 && slices.Contains(stale, winner) && d.together(stale):
		mends[winner] = Force{winner, d.addresses(stale)}
	case len(stale) > 0:
		for _, key := range stale {
			mends[key] = Halt{key}
		}
	case mends[winner] == nil && c.row(seen[winner]) != nil:
		mends[winner] = Reboot{winner}
	case mends[winner] == nil:
		if mends[winner], err = d.beginning(winner); err != nil {
			return nil, err
		}
	}
	return mends, nil
}

// unasked says why nobody could be asked, one member after the other.
func (d *diagnosing) unasked() error {
	var reasons []error
	for _, key := range slices.Sorted(maps.Keys(d.seen)) {
		reasons = append(reasons, fmt.Errorf("%s: %w", key, d.seen[key].Err))
	}
	return fmt.Errorf("%w:\n%w", ErrUnasked, errors.Join(reasons...))
}

// survivors are those who can go on without the others: the members of a view
// without a majority; or, where some have given that view up already, all that
// answer and belong to the group.
func (d *diagnosing) survivors() []string {
	stale := d.stale()
	if len(stale) > 0 && len(d.fallen()) == 0 {
		return stale
	}
	var keys []string
	for _, key := range d.cluster.keys() {
		if d.seen[key].Answers && d.configured(d.seen[key]) {
			keys = append(keys, key)
		}
	}
	return keys
}

// survive lets those go on that a person named, where the majority is lost and
// not all answer. Who runs and was not named, and who may run, is a reason not to.
func (d *diagnosing) survive() (map[string]provision.Operation, error) {
	refuse := func(format string, values ...any) (map[string]provision.Operation, error) {
		return nil, fmt.Errorf("%w, and quorum_survivors cannot go on: %w", ErrQuorum, fmt.Errorf(format, values...))
	}
	stale, survivors := d.stale(), d.survivors()
	named := slices.Sorted(slices.Values(d.cluster.Options.QuorumSurvivors))
	if !slices.Equal(named, survivors) {
		return refuse("it names %s, and those that run and wait for the others are %s", strings.Join(named, ", "), strings.Join(survivors, ", "))
	}
	asOne := slices.Equal(stale, survivors)
	if asOne && !d.together(stale) {
		return refuse("they do not see each other. Mend the mesh between them first")
	}
	answering := d.cluster
	answering.Members = map[string]Member{}
	for key, member := range d.cluster.Members {
		switch one := d.seen[key]; {
		case one.Answers:
			answering.Members[key] = member
		case one.Err != nil && !errors.Is(one.Err, remote.ErrUnreachable) && !errors.Is(one.Err, remote.ErrLost):
			return refuse("%s may run: %w", key, one.Err)
		}
	}
	winner, err := mostAdvanced(answering, d.seen, survivors)
	if err != nil {
		return nil, err
	}
	mends := map[string]provision.Operation{}
	switch {
	case !slices.Contains(survivors, winner):
		return refuse("%s holds more than they do. Bring it back instead, with the others", winner)
	case asOne:
		mends[winner] = Force{winner, d.addresses(stale)}
	case len(stale) > 0:
		for _, key := range stale {
			mends[key] = Halt{key}
		}
	default:
		mends[winner] = Reboot{winner}
	}
	return mends, nil
}

// whole refuses to start a group of which somebody may be at work unseen: each
// declared member has to answer, and each that a member in a group without a
// majority knows of. Where they run and only the line between them does not, they
// go on by themselves as soon as it does.
func (d *diagnosing) whole() error {
	stale, fallen, missing := d.stale(), d.fallen(), d.missing()
	if len(missing) > 0 {
		err := fmt.Errorf("%w:\n%s", ErrNotWhole, strings.Join(missing, "\n"))
		const wayOut = "and what the others hold is not known. Bring them back; or, where they are gone for good, declare quorum_survivors"
		switch {
		case len(stale) > 0:
			err = fmt.Errorf("%w: %s sees no majority among %s, %s: %w", ErrQuorum, stale[0], describe(d.seen[stale[0]].View), wayOut, err)
		case len(fallen) > 0:
			err = fmt.Errorf("%w: %s fell out of it (ERROR), as a member does that sees no majority, %s: %w", ErrQuorum, strings.Join(fallen, ", "), wayOut, err)
		}
		return err
	}
	for _, key := range stale {
		if view := d.seen[key].group(); view.Regains(d.heard) {
			return fmt.Errorf("%w: %s sees %s, and more than half of these run and wait for each other. Mend the mesh between them: they go on by themselves then", ErrCut, key, describe(view.Members))
		}
	}
	return nil
}

// missing are those who have to answer before the group may start, and do not.
func (d *diagnosing) missing() []string {
	var missing []string
	for _, key := range d.unheard() {
		if err := d.seen[key].Err; err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", key, err))
			continue
		}
		missing = append(missing, key+": the server does not answer")
	}
	answered := map[string]bool{}
	for _, one := range d.seen {
		answered[one.UUID] = answered[one.UUID] || one.Answers
	}
	undeclared := func(uuid, endpoint string) {
		if !answered[uuid] && d.cluster.keyOf(endpoint) == "" {
			missing = append(missing, endpoint+": a member that is not declared, so it was not asked")
		}
	}
	for _, key := range d.stale() {
		for _, member := range d.seen[key].View {
			undeclared(member.ID, member.Endpoint())
		}
	}
	// Who fell out sees nobody any more. The metadata know who was there.
	for _, key := range d.fallen() {
		for _, row := range d.seen[key].Instances {
			if row.Type != "read-replica" {
				undeclared(row.UUID, row.Address)
			}
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// together says whether members in a group without a majority all see each
// other and nobody else: then they can go on as one group.
func (d *diagnosing) together(stale []string) bool {
	for _, key := range stale {
		alive := 0
		for _, member := range d.seen[key].View {
			if member.Alive() {
				alive++
			}
		}
		for _, other := range stale {
			if !slices.ContainsFunc(d.seen[key].View, func(m group.Member) bool { return m.ID == d.seen[other].UUID && m.Online() }) {
				return false
			}
		}
		if alive != len(stale) {
			return false
		}
	}
	return true
}

// addresses are those by which the group knows members.
func (d *diagnosing) addresses(keys []string) string {
	var list []string
	for _, key := range keys {
		list = append(list, d.seen[key].Variables["group_replication_local_address"])
	}
	return join(list)
}

func describe(view []group.Member) string {
	var parts []string
	for _, member := range view {
		parts = append(parts, member.Endpoint()+" "+member.State)
	}
	return strings.Join(parts, ", ")
}

// fuller says which of two servers with the same transactions has more outside of
// them: schemas, or the metadata that a destroy which was ended in the middle has
// erased on the other.
func fuller(one, other Observation) bool {
	if (len(one.Schemas) > 0) != (len(other.Schemas) > 0) {
		return len(one.Schemas) > 0
	}
	return one.Schema != "" && other.Schema == ""
}

// mostAdvanced is the server that holds all that any other holds, one of the
// preferred ones where several do. Sets of transactions are compared, never their
// counts.
func mostAdvanced(c Cluster, seen map[string]Observation, preferred []string) (string, error) {
	sets, best := map[string]GTIDSet{}, ""
	order := append(slices.Clone(preferred), slices.DeleteFunc(c.keys(), func(key string) bool { return slices.Contains(preferred, key) })...)
	for _, key := range order {
		set, err := seen[key].transactions()
		if err != nil {
			return "", fmt.Errorf("member %s: %w", key, err)
		}
		sets[key] = set
		ahead := best == "" || !set.Within(sets[best]) || sets[best].Within(set) && fuller(seen[key], seen[best])
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
