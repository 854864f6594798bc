// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// run is one Converge, or one order: the sessions, and the passwords that it made.
type run struct {
	cluster Cluster
	hosts   map[string]remote.Host
	// purpose is what those read who wait for the turn; tell is told what is done, nil for nobody.
	purpose string
	tell    func(string)

	mu        sync.Mutex
	servers   map[string]*server
	passwords map[string]string
	waited    map[string]bool
	turns     turns
	// entering and cloning are held by the one that may: see enter and copyOf.
	entering, cloning gate
	// seen and diagnosis are those that the operations at work come from.
	seen      map[string]Observation
	diagnosis Diagnosis
}

// begin prepares a run; nothing is opened yet.
func begin(c Cluster, hosts map[string]remote.Host) *run {
	return &run{
		cluster: c, hosts: hosts, purpose: "converging cluster " + c.Name,
		servers: map[string]*server{}, passwords: map[string]string{}, waited: map[string]bool{},
		entering: make(gate, 1), cloning: make(gate, 1),
	}
}

// say tells what is done, or how far it is.
func (r *run) say(what string) {
	if r.tell != nil {
		r.tell(what)
	}
}

// observe asks all servers, and adds what this run knows of them.
func (r *run) observe(ctx context.Context) map[string]Observation {
	seen := Observe(ctx, r.hosts)
	for key := range r.waited {
		one := seen[key]
		one.Waited = true
		seen[key] = one
	}
	return seen
}

// server opens a session on a member, once.
func (r *run) server(key string) (*server, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if open := r.servers[key]; open != nil {
		return open, nil
	}
	host := r.hosts[key]
	if host == nil {
		return nil, fmt.Errorf("member %s: how to reach its machine is not known", key)
	}
	opened, err := connect(key, host)
	if err != nil {
		return nil, err
	}
	opened.Tell = r.say
	r.servers[key] = opened
	return opened, nil
}

// reconnect gives up a session that the other end has ended.
func (r *run) reconnect(key string) (*server, error) {
	r.mu.Lock()
	if old := r.servers[key]; old != nil {
		old.Close()
		delete(r.servers, key)
	}
	r.mu.Unlock()
	return r.server(key)
}

func (r *run) close() {
	r.turns.release()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.servers {
		one.Close()
	}
}

// execute does the operations in order; neighbours that may, together.
func (r *run) execute(ctx context.Context, operations []provision.Operation) error {
	for len(operations) > 0 {
		count := 1
		for together(operations[0]) && count < len(operations) && together(operations[count]) {
			count++
		}
		problems := make([]error, count)
		var working sync.WaitGroup
		for i, operation := range operations[:count] {
			tflog.Info(ctx, operation.String(), map[string]any{"cluster": r.cluster.Name})
			r.say(operation.String())
			working.Go(func() {
				if err := r.Do(ctx, operation); err != nil {
					problems[i] = fmt.Errorf("unable to %s: %w", operation, err)
				}
			})
		}
		working.Wait()
		if err := errors.Join(problems...); err != nil {
			return err
		}
		operations = operations[count:]
	}
	return nil
}

// together says whether an operation may be done beside others of which that is
// true.
func together(operation provision.Operation) bool {
	switch o := operation.(type) {
	case Join:
		return o.Together
	case Await:
		return true
	}
	return false
}

// Do does one operation on what was last seen.
func (r *run) Do(ctx context.Context, operation provision.Operation) error {
	switch o := operation.(type) {
	case Bootstrap:
		return r.bootstrap(ctx, o.Member, r.cluster.keys())
	case Import:
		return r.imports(ctx, o)
	case Reboot:
		return r.bootstrap(ctx, o.Member, nil)
	case Erase:
		return r.standAlone(ctx, o.Member)
	case Force:
		return r.force(ctx, o)
	case Halt:
		return r.halt(ctx, o.Member)
	case Renew:
		return r.renew(ctx, o.Member)
	case Know:
		return r.know(ctx, o.Member)
	case Verify:
		return r.verify(ctx, o.Member)
	case Configure:
		return r.configure(ctx, o.Member)
	case Forget:
		return r.forget(ctx, o)
	case Join:
		if o.Donor != "" {
			return r.joinByClone(ctx, o)
		}
		if err := r.wayIn(ctx, o.Member); err != nil {
			return err
		}
		return r.join(ctx, o.Member)
	case Replace:
		return r.replace(ctx, o)
	case Await:
		return r.awaitReturn(ctx, o.Member)
	case Leave:
		return r.leave(ctx, o.Endpoint)
	}
	return r.doByPrimary(ctx, operation)
}

// doByPrimary does one operation that is a matter of the primary's.
func (r *run) doByPrimary(ctx context.Context, operation provision.Operation) error {
	primary, err := r.server(r.diagnosis.Primary)
	if err != nil {
		return err
	}
	switch o := operation.(type) {
	case Install:
		return primary.installMetadata(ctx, r.cluster, r.diagnosis.GroupName, r.seen[r.diagnosis.Primary].Version, false)
	case Register:
		return primary.register(ctx, r.identified(), r.cluster.Members[o.Member], uuidOf(r.diagnosis.view, r.cluster.Members[o.Member].Endpoint()))
	case SinglePrimary:
		_, err := primary.Await(ctx, "switching to one primary", "SELECT group_replication_switch_to_single_primary_mode(?)", uuidOf(r.diagnosis.view, r.cluster.Members[o.Member].Endpoint()))
		return err
	case MultiPrimary:
		return primary.multiPrimary(ctx)
	case Hide:
		return primary.hide(ctx, r.cluster.Members[o.Member].Endpoint(), o, r.cluster.Options.Draining != nil)
	case Promote:
		return r.promote(ctx, primary, o.Member)
	case Credential:
		return r.credential(ctx, primary, o.Member)
	case StrikeOff:
		return primary.unregister(ctx, o.Endpoint)
	case Describe:
		return primary.describe(ctx, r.cluster, r.diagnosis)
	case DropAccount:
		return primary.Run(ctx, "dropping account "+o.Account, dropStatements(r.seen[r.diagnosis.Primary].Accounts, o)...)
	case Limit:
		return r.limit(ctx, primary, o.Host)
	case SetRouting:
		return primary.setRouting(ctx, r.diagnosis.ClusterID, *r.cluster.Options.Routing)
	case DropRouter:
		return primary.dropRouter(ctx, o.Account, o.Address, o.Name)
	case UpgradeMetadata:
		return primary.upgradeMetadata(ctx, mysqld.ParseVersion(r.cluster.Options.MetadataVersion))
	}
	return fmt.Errorf("operation %q is not one of a cluster", operation)
}

// identified is the cluster with the UUID that it was seen to have: its row is
// found by that, whatever others call it.
func (r *run) identified() Cluster {
	c := r.cluster
	c.ID = cmp.Or(r.diagnosis.ClusterID, c.ID)
	return c
}

// awaitReturn waits for a member that comes by itself. One that does not is
// brought in by the next round.
func (r *run) awaitReturn(ctx context.Context, key string) error {
	err := r.await(ctx, r.diagnosis.Primary, key, "")
	if errors.Is(err, errAbsent) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.waited[key] = true
		return nil
	}
	return err
}
