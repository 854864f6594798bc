// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Switchover gives the primary's role to another member, whoever has it.
type Switchover struct{ To string }

func (o Switchover) String() string { return Promote{o.To}.String() }

// Fulfilled says who takes writes.
func (o Switchover) Fulfilled() string { return o.To + " takes writes" }

// ErrNotOnline says that a member takes no part in the group.
var ErrNotOnline = errors.New("only an ONLINE member can take the primary's role")

func (o Switchover) next(d *diagnosing) ([]provision.Operation, error) {
	if err := d.led(); err != nil {
		return nil, err
	}
	switch state := d.Members[o.To].State; {
	case d.cluster.Options.MultiPrimary:
		return nil, fmt.Errorf("%w: every member takes writes (multi-primary), so nobody has a role to hand over", ErrMode)
	case d.Primary == o.To:
		return nil, nil
	case d.Primary == "":
		return nil, errMoving
	case state != "ONLINE":
		return nil, fmt.Errorf("%w, and %s is %s. Nothing was changed. Bring it in first (atoll_mysql_rejoin, or an apply), or name another member", ErrNotOnline, o.To, state)
	}
	if err := d.answers(o.To); err != nil {
		return nil, fmt.Errorf("%w. Nothing was changed", err)
	}
	return []provision.Operation{Promote{o.To}}, nil
}

// Rejoin brings one member in again that is out of the group.
type Rejoin struct{ Member string }

func (o Rejoin) String() string { return "bring " + o.Member + " in again" }

// Fulfilled says that it takes part.
func (o Rejoin) Fulfilled() string { return o.Member + " is ONLINE" }

func (o Rejoin) next(d *diagnosing) ([]provision.Operation, error) {
	if err := d.led(); err != nil {
		return nil, err
	}
	if d.Members[o.Member].State == "ONLINE" {
		return nil, nil
	}
	operation, err := d.wayIn(o.Member)
	if err != nil {
		return nil, err
	}
	// A machine that was made anew is known to the others before it joins.
	return append(d.acquaintances(), operation), nil
}

// acquaintances let servers know by what they verify each other.
func (d *diagnosing) acquaintances() []provision.Operation {
	var known []provision.Operation
	for _, finding := range d.Findings {
		if know, is := finding.Mend.(Know); is {
			known = append(known, know)
		}
	}
	return known
}

var (
	// ErrNewcomer says that a server was never a member.
	ErrNewcomer = errors.New("it is no member of the cluster yet")
	// ErrFirst says that something else has to be done to the group before.
	ErrFirst = errors.New("an apply has something to do before")
)

// wayIn is how an apply brings a member into the running group again.
func (d *diagnosing) wayIn(key string) (provision.Operation, error) {
	if err := d.returns(key); err != nil {
		return nil, err
	}
	if d.electing {
		return nil, errMoving
	}
	operation, err := d.joining(key)
	if err != nil {
		return nil, fmt.Errorf("member %s: %w", key, err)
	}
	return operation, nil
}

// returns refuses a server that cannot come back as it is, or not now.
func (d *diagnosing) returns(key string) error {
	if err := d.answers(key); err != nil {
		return err
	}
	if err := usable(d.cluster, key, d.seen[key]); err != nil {
		return err
	}
	authority := d.seen[d.authority]
	known := slices.ContainsFunc(authority.Instances, func(row InstanceRow) bool {
		return row.UUID == d.seen[key].UUID || row.Address == d.cluster.Members[key].Endpoint()
	})
	if !known {
		return fmt.Errorf("member %s: %w: its metadata do not name %s. An apply, which looks at a server before it joins, brings it in", key, ErrNewcomer, d.cluster.Members[key].Endpoint())
	}
	versions := map[string]string{}
	for _, other := range d.cluster.keys() {
		if other == key || d.Members[other].State == "ONLINE" && d.seen[other].Answers {
			versions[other] = d.seen[other].Version
		}
	}
	if err := mysqlroot.Compatible(versions); err != nil {
		return err
	}
	if d.hold {
		return fmt.Errorf("member %s: %w:\n%s", key, ErrFirst, strings.Join(converge.Texts(d.Drift()), "\n"))
	}
	return takesNoMember(authority.Schema)
}
