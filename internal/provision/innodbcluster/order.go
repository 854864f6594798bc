// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Order is what a person has done to a cluster by hand: of the operations of an
// apply those for one purpose, whatever else is not as declared.
type Order interface {
	// String says what is ordered, in a few words.
	String() string
	// Fulfilled says what is true when it was carried out.
	Fulfilled() string
	// next is what is to be done now; nothing where it is carried out. It is a
	// function of what was seen, without I/O, and leaves a person's word in the options
	// of the cluster.
	next(d *diagnosing) ([]provision.Operation, error)
}

var (
	// ErrNoMajority says that no member sees a group with a majority.
	ErrNoMajority = errors.New("no member is in a group that has a majority")
	// ErrNotDone says that what was ordered was done, and does not show.
	ErrNotDone = errors.New("it was done, and does not show")
	// errMoving says that the group is on its way to another state by itself.
	errMoving = errors.New("the group is electing a primary, or nobody whom the cluster's members are known by takes writes")
)

// Carry does what was ordered, under the leases of an apply and by its operations,
// and tells what it does. did is false where all is so already; then nothing was
// changed. hosts has the machine of each member by its key.
//
// The members are those that the cluster has in c; its options are those of the
// running group, so that whoever comes in is set as the others are.
func Carry(ctx context.Context, c Cluster, hosts map[string]remote.Host, order Order, tell func(string)) (did bool, err error) {
	if problems := c.Validate(); len(problems) > 0 {
		return false, errors.Join(problems...)
	}
	r := begin(c, hosts)
	r.purpose, r.tell = order.String()+", cluster "+c.Name, tell
	defer r.close()
	patience := time.Now().Add(startPatience)
	for round := 1; ; round++ {
		seen := r.observe(ctx)
		d := diagnose(c.asItRuns(seen), seen)
		if err := ctx.Err(); err != nil {
			return did, err
		}
		operations, err := order.next(d)
		r.seen, r.diagnosis, r.cluster = seen, d.Diagnosis, d.cluster
		switch {
		case errors.Is(err, errMoving) && time.Now().Before(patience):
			if err := remote.Pause(ctx, pause); err != nil {
				return did, err
			}
			continue
		case err != nil || len(operations) == 0:
			return did, err
		case round > rounds:
			return did, fmt.Errorf("%w: %s", ErrNotDone, d.Truth)
		}
		waited, err := r.takeTurns(ctx, seen, d.Diagnosis)
		if err != nil {
			return did, err
		}
		if waited {
			continue // somebody else may have worked meanwhile: look again
		}
		did = true
		if err := r.execute(ctx, operations); err != nil {
			return did, err
		}
	}
}

// asItRuns is the cluster with the options that the group has. What they differ in
// from the declaration is for an apply.
func (c Cluster) asItRuns(seen map[string]Observation) Cluster {
	model := seen[group.Believed(heard(seen))]
	for _, key := range slices.Sorted(maps.Keys(seen)) {
		if !model.Answers && seen[key].Persisted["group_replication_group_name"] != "" {
			model = seen[key] // without a majority any member is as good as another
		}
	}
	text := func(name string) string { return cmp.Or(model.Persisted[name], model.Variables[name]) }
	number := func(name string) int64 {
		value, _ := strconv.ParseInt(text(name), 10, 64) // the server's own number
		return value
	}
	options := Options{RecoveryMethod: "auto"}
	options.ExpelTimeout = number("group_replication_member_expel_timeout")
	options.UnreachableMajorityTimeout = number("group_replication_unreachable_majority_timeout")
	options.AutorejoinTries = number("group_replication_autorejoin_tries")
	options.Consistency = text("group_replication_consistency")
	options.ExitStateAction = text("group_replication_exit_state_action")
	options.TransactionSizeLimit = number("group_replication_transaction_size_limit")
	options.MultiPrimary = model.Variables["group_replication_single_primary_mode"] == "OFF"
	c.Options = options
	return c
}

// led refuses what only a group with a majority, and no other beside it, can be told.
func (d *diagnosing) led() error {
	if err := d.rivals(); err != nil {
		return err
	}
	if d.authority != "" {
		return nil
	}
	problems := []error{fmt.Errorf("%w. %s", ErrNoMajority, d.Findings[0].Line.Text)}
	for _, key := range d.unheard() {
		if err := d.seen[key].Err; err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(problems...)
}

// answers is an error for a member of which nothing was heard.
func (d *diagnosing) answers(key string) error {
	switch one := d.seen[key]; {
	case one.Err != nil:
		return fmt.Errorf("member %s could not be asked: %w", key, one.Err)
	case !one.Answers:
		return fmt.Errorf("member %s: the server does not answer (%s): start it, or apply its atoll_mysql_server", key, cmp.Or(one.Unit, "nothing is known of its unit"))
	}
	return nil
}
