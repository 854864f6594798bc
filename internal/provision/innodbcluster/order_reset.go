// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// Reset gives a member that diverged a copy of the group's data in the place of its own.
type Reset struct {
	Member string
	// Transactions, a GTID set, and Schemas are what only the member holds and what a
	// person gives up. Nothing else is.
	Transactions string
	Schemas      []string
}

func (o Reset) String() string { return "reset " + o.Member }

// Fulfilled says that it takes part.
func (o Reset) Fulfilled() string { return o.Member + " is ONLINE, with the group's data" }

var (
	// ErrNotDiverged says that a server holds nothing of its own.
	ErrNotDiverged = errors.New("it holds nothing that the group has not")
	// ErrNotGivenUp says that more would be lost than a person said.
	ErrNotGivenUp = errors.New("more would be lost than was given up")
)

func (o Reset) next(d *diagnosing) ([]provision.Operation, error) {
	if err := d.led(); err != nil {
		return nil, err
	}
	if d.Members[o.Member].State == "ONLINE" {
		return nil, nil
	}
	if err := d.returns(o.Member); err != nil {
		return nil, err
	}
	if d.electing || !d.seen[d.Primary].Answers {
		return nil, errMoving
	}
	if sharesUUID(d.cluster, d.seen, o.Member) {
		return nil, fmt.Errorf("member %s: %w: its server_uuid is that of another one", o.Member, ErrFirst)
	}
	transactions, schemas, err := d.alone(o.Member)
	switch {
	case err != nil:
		return nil, fmt.Errorf("member %s: %w", o.Member, err)
	case transactions.Empty() && len(schemas) == 0:
		return nil, fmt.Errorf("member %s: %w, so nothing has to be given up. Nothing was changed. atoll_mysql_rejoin, or an apply, brings it in", o.Member, ErrNotDiverged)
	}
	if err := o.covers(transactions, schemas); err != nil {
		return nil, err
	}
	return []provision.Operation{Replace{o.Member, d.donor(o.Member)}}, nil
}

// covers refuses to lose what was not given up.
func (o Reset) covers(transactions GTIDSet, schemas []string) error {
	given, err := ParseGTIDSet(o.Transactions)
	if err != nil {
		return fmt.Errorf("discard_transactions = %q is no GTID set: %w", o.Transactions, err)
	}
	var lacks []string
	if rest := transactions.Minus(given); !rest.Empty() {
		lacks = append(lacks, fmt.Sprintf("the transactions %s (discard_transactions = %q)", rest, o.Transactions))
	}
	if rest := unknown(schemas, o.Schemas); len(rest) > 0 {
		lacks = append(lacks, fmt.Sprintf("the schemas %s (discard_schemas = [%s])", strings.Join(rest, ", "), strings.Join(o.Schemas, ", ")))
	}
	if len(lacks) == 0 {
		return nil
	}
	return fmt.Errorf("member %s: %w: %s. Nothing was changed. Save what it holds, then name it all: transactions %s, schemas [%s]",
		o.Member, ErrNotGivenUp, strings.Join(lacks, ", "), cmp.Or(transactions.String(), `""`), strings.Join(schemas, ", "))
}

// alone is what a server holds and the primary does not: transactions, and schemas, of
// which those count whose data are in no binary log.
func (d *diagnosing) alone(key string) (GTIDSet, []string, error) {
	one, primary := d.seen[key], d.seen[d.Primary]
	has, err := one.transactions()
	if err != nil {
		return nil, nil, err
	}
	group, err := primary.transactions()
	if err != nil {
		return nil, nil, err
	}
	if has.Empty() {
		return has, one.Schemas, nil
	}
	return has.Minus(group), unknown(one.Schemas, primary.Schemas), nil
}

// donors are the members that have all that the group has.
func (d *diagnosing) donors(key string) []string {
	var donors []string
	for _, other := range d.cluster.keys() {
		if other != key && d.Members[other].State == "ONLINE" && d.seen[other].Answers {
			donors = append(donors, other)
		}
	}
	return donors
}

// donor is the member whose data a server gets: of its own version, which a clone
// needs, and rather none that takes writes, nor one that lags.
func (d *diagnosing) donor(key string) string {
	rank := func(truth bool) int {
		if truth {
			return 1
		}
		return 0
	}
	return slices.MinFunc(d.donors(key), func(a, b string) int {
		return cmp.Or(
			cmp.Compare(rank(d.seen[a].Version != d.seen[key].Version), rank(d.seen[b].Version != d.seen[key].Version)),
			cmp.Compare(rank(a == d.Primary), rank(b == d.Primary)), cmp.Compare(d.Members[a].Lag, d.Members[b].Lag), cmp.Compare(a, b))
	})
}
