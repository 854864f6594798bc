// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNotAsDeclared says that nothing more can be done, and the cluster is not whole.
var ErrNotAsDeclared = errors.New("the cluster is not as declared")

// rounds is how often Converge looks and works: each round makes visible what
// the next has to do, and a group that elects a primary needs a moment.
const rounds = 12

// startPatience is how long a server may take to answer whose machine does.
const startPatience = time.Minute

// pause lies between two looks at a group that is moving.
const pause = 500 * time.Millisecond

// run is one Converge: the sessions, and the passwords that it made.
type run struct {
	cluster Cluster
	hosts   map[string]remote.Host

	mu        sync.Mutex
	servers   map[string]*server
	passwords map[string]string
	waited    map[string]bool
	turns     turns
}

// Converge brings the cluster to the declaration and gives the situation that
// it read last. hosts has the machine of each member by its key, and of each
// leaver by its endpoint.
func Converge(ctx context.Context, c Cluster, hosts map[string]remote.Host) (Situation, error) {
	if problems := c.Validate(); len(problems) > 0 {
		return Situation{}, errors.Join(problems...)
	}
	r := &run{cluster: c, hosts: hosts, servers: map[string]*server{}, passwords: map[string]string{}, waited: map[string]bool{}}
	defer r.close()
	patience := time.Now().Add(startPatience)
	for round := 1; ; round++ {
		seen := r.look(ctx)
		if err := ctx.Err(); err != nil {
			return Diagnose(c, seen), err
		}
		situation := Diagnose(c, seen)
		operations, err := Plan(c, seen)
		if errors.Is(err, ErrNotWhole) && !unreachable(seen, c) && time.Now().Before(patience) {
			// A server that another apply is restarting, or that recovers from
			// a crash, answers in a moment: this look does not count.
			round--
			if err := remote.Pause(ctx, 4*pause); err != nil {
				return situation, err
			}
			continue
		}
		if err != nil {
			return situation, err
		}
		if len(operations) == 0 && (len(situation.Drift) == 0 || round > rounds) {
			return situation, notAsDeclared(situation)
		}
		if round > 2*rounds {
			return situation, notAsDeclared(situation)
		}
		if len(operations) > 0 {
			waited, err := r.takeTurns(ctx, seen, situation)
			if err != nil {
				return situation, err
			}
			if waited {
				round--
				continue // another apply may have worked meanwhile: look again
			}
		}
		if err := r.execute(ctx, seen, situation, operations); err != nil {
			return situation, err
		}
		if len(operations) == 0 {
			if unreachable(seen, c) {
				return situation, notAsDeclared(situation)
			}
			if err := remote.Pause(ctx, pause); err != nil {
				return situation, err
			}
		}
	}
}

// look asks all servers, and adds what this run knows of them.
func (r *run) look(ctx context.Context) map[string]Seen {
	seen := Observe(ctx, r.hosts)
	for key := range r.waited {
		one := seen[key]
		one.Waited = true
		seen[key] = one
	}
	return seen
}

func notAsDeclared(s Situation) error {
	if len(s.Drift) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n%s", ErrNotAsDeclared, strings.Join(converge.Texts(s.Drift), "\n"))
}

func unreachable(seen map[string]Seen, c Cluster) bool {
	return slices.ContainsFunc(c.keys(), func(key string) bool { return seen[key].Err != nil })
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

// execute runs the operations in order; neighbours that may, run together.
func (r *run) execute(ctx context.Context, seen map[string]Seen, situation Situation, operations []Operation) error {
	for len(operations) > 0 {
		count := 1
		for operations[0].Together && count < len(operations) && operations[count].Together {
			count++
		}
		problems := make([]error, count)
		var together sync.WaitGroup
		for i, operation := range operations[:count] {
			tflog.Info(ctx, operation.String(), map[string]any{"cluster": r.cluster.Name})
			together.Go(func() {
				if err := r.operate(ctx, seen, situation, operation); err != nil {
					problems[i] = fmt.Errorf("unable to %s: %w", operation, err)
				}
			})
		}
		together.Wait()
		if err := errors.Join(problems...); err != nil {
			return err
		}
		operations = operations[count:]
	}
	return nil
}

func (r *run) operate(ctx context.Context, seen map[string]Seen, situation Situation, o Operation) error {
	switch o.Kind {
	case Bootstrap, Reboot:
		return r.bootstrap(ctx, seen, o)
	case Renew:
		return r.renew(ctx, o.Key)
	case Configure:
		return r.configure(ctx, o.Key, seen[o.Key])
	case Join:
		return r.join(ctx, situation, seen, o)
	case Await:
		err := r.await(ctx, situation.Primary, o.Key, false)
		if errors.Is(err, errAbsent) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.waited[o.Key] = true
			return nil
		}
		return err
	case Leave:
		return r.leave(ctx, situation, o.Key)
	}
	primary, err := r.server(situation.Primary)
	if err != nil {
		return err
	}
	switch o.Kind {
	case Install:
		return primary.installMetadata(ctx, r.cluster, situation.GroupName, seen[situation.Primary].Version, false)
	case Register:
		member := r.cluster.Members[o.Key]
		return primary.register(ctx, r.cluster, member, uuidOf(situation.view, member.Endpoint()))
	case Credential:
		return r.credential(ctx, primary, o.Key)
	case Forget:
		return primary.unregister(ctx, o.Key)
	case Describe:
		return primary.describe(ctx, r.cluster, situation.GroupName)
	case Drop:
		return primary.Run(ctx, "dropping account "+o.Key, "DROP USER IF EXISTS "+literal(o.Key)+"@'%'")
	}
	return fmt.Errorf("operation %q is not known", o.Kind)
}
