// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNotMeshed says that everything is in place, and still a peer does not reach another.
var ErrNotMeshed = errors.New("not every peer reaches every other over the mesh")

// patience is how long links get to come up. tincd dials at once after a
// reload and again after 5, 10 and 15 seconds. A pair whose keys crossed (see
// settle) is noticed by tinc's own MTU probes, of which it sends 30, one a
// second, before it asks for the key anew; seen here: up to 47 seconds.
const patience = 75 * time.Second

// settle is how long daemons that start together get to make their links.
//
// They sometimes cross keys: each sends its key by a relay when it first hears
// of the other, and a new one when the direct link is there. If the relayed
// answer comes in last, it is used, and the receiver drops what it encrypts
// (read in the logs of 1.0.36, in 1 of 20 starts of five daemons). A daemon that
// starts alone meets links that stand, so one is started once more.
const settle = 2 * time.Second

// reviveAfter is how long a pair may be silent before that.
const reviveAfter = 3 * time.Second

// pause lies between two looks at the links.
const pause = 500 * time.Millisecond

// grace is how long peers that stay also wait for those that leave: these keep
// their links if they can, and nobody fails for them.
const grace = 10 * time.Second

// Converge brings the mesh to every host at once and ends when each reaches
// each. A change for which tincd has to restart goes to one peer after another,
// with all links up in between.
func (m Mesh) Converge(ctx context.Context, hosts map[string]remote.Host) (map[string]Reach, error) {
	heard, err := m.hear(ctx, hosts)
	if err != nil {
		return nil, err
	}
	operations, err := provision.Operations(m.Diagnose(heard, nil))
	if err != nil {
		return nil, err
	}
	r := run{mesh: m, hosts: hosts, heard: heard}
	started := map[string]bool{}
	var adjusts, rolls []provision.Operation
	for _, operation := range operations {
		adjust, isAdjust := operation.(Adjust)
		if !isAdjust {
			rolls = append(rolls, operation)
			continue
		}
		adjusts = append(adjusts, operation)
		if adjust.Starts {
			started[adjust.Peer] = true
		}
	}
	if err := each(adjusts, func(operation provision.Operation) error { return r.Do(ctx, operation) }); err != nil {
		return nil, err
	}
	if len(started) > 0 {
		if err := remote.Pause(ctx, settle); err != nil {
			return nil, err
		}
	}
	for _, operation := range rolls {
		if err := r.Do(ctx, operation); err != nil {
			return nil, err
		}
	}
	return m.await(ctx, hosts, started, true)
}

// run does the operations of one Converge.
type run struct {
	mesh  Mesh
	hosts map[string]remote.Host
	// heard is what the operations come from.
	heard map[string]Heard
}

// Do does one operation.
func (r run) Do(ctx context.Context, operation provision.Operation) error {
	m := r.mesh
	switch o := operation.(type) {
	case Adjust:
		manifest := m.Manifest(o.Peer)
		err := converge.Apply(ctx, r.hosts[o.Peer], manifest, converge.Diff(manifest, r.heard[o.Peer].Observation).Steps)
		return m.of(o.Peer, err)
	case Roll:
		_, err := converge.Converge(ctx, r.hosts[o.Peer], m.Manifest(o.Peer))
		if err := m.of(o.Peer, err); err != nil {
			return err
		}
		// It has to be back before the next goes: a link that relays for others
		// must not be missed twice. Those that wait still have the old settings.
		if err := remote.Pause(ctx, settle); err != nil {
			return err
		}
		_, err = m.await(ctx, r.hosts, nil, false)
		return err
	case Revive:
		_, err := r.hosts[o.Peer].Run(ctx, remote.Command{Name: "starting tinc once more", Script: "systemctl restart -- " + remote.Quote(Unit(m.Name))})
		return err
	}
	return fmt.Errorf("%s: a mesh cannot do that", operation)
}

// await looks until each reaches each and, if settled is asked for, every host
// is as declared. started are the peers whose daemons this run started.
func (m Mesh) await(ctx context.Context, hosts map[string]remote.Host, started map[string]bool, settled bool) (map[string]Reach, error) {
	start := time.Now()
	deadline, revive := start.Add(patience), start.Add(reviveAfter)
	for {
		heard, err := m.hear(ctx, hosts)
		reached, differs := m.reached(heard), []converge.Line{}
		if settled {
			differs = m.differing(heard)
		}
		needed := hosts
		if time.Since(start) > grace {
			needed = m.staying(hosts)
		}
		switch {
		case err != nil:
			return nil, err
		case len(differs) == 0 && len(m.complaintsAmong(needed, reached, nil)) == 0:
			return reached, nil
		case time.Now().After(deadline) && len(differs) > 0:
			return nil, fmt.Errorf("%w: %s", converge.ErrStillDiffers, strings.Join(converge.Texts(differs), "; "))
		case time.Now().After(deadline):
			open := m.dialSilent(ctx, hosts, reached)
			return nil, fmt.Errorf("%w:\n%s", ErrNotMeshed, strings.Join(converge.Texts(m.complaintsAmong(needed, reached, open)), "\n"))
		}
		if time.Now().After(revive) {
			operation, misses := weakest(started, reached, func(key string) bool { return hosts[key] != nil })
			if misses {
				if err := (run{mesh: m, hosts: hosts}).Do(ctx, operation); err != nil {
					return nil, err
				}
			}
			revive = time.Now().Add(settle + reviveAfter)
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// complaintsAmong leaves out the peers that are not contacted: they are gone.
func (m Mesh) complaintsAmong(hosts map[string]remote.Host, reached map[string]Reach, open map[[2]string]bool) []converge.Line {
	trimmed := map[string]Reach{}
	for from, reach := range reached {
		if hosts[from] == nil {
			continue
		}
		trimmed[from] = Reach{}
		for to, ok := range reach {
			if hosts[to] != nil {
				trimmed[from][to] = ok
			}
		}
	}
	return m.complaints(trimmed, open)
}

// hear asks all peers at once. What a peer that leaves does not say is no matter.
func (m Mesh) hear(ctx context.Context, hosts map[string]remote.Host) (map[string]Heard, error) {
	var mu sync.Mutex
	heard := map[string]Heard{}
	err := each(slices.Sorted(maps.Keys(hosts)), func(key string) error {
		one, err := m.Hear(ctx, hosts[key], key)
		if err != nil {
			return m.of(key, err)
		}
		mu.Lock()
		defer mu.Unlock()
		heard[key] = one
		return nil
	})
	return heard, err
}

// Hear asks one peer's machine.
func (m Mesh) Hear(ctx context.Context, host remote.Host, key string) (Heard, error) {
	observation, err := converge.Observe(ctx, host, m.Manifest(key))
	if err != nil {
		return Heard{}, err
	}
	reach, err := m.ReachQuestion(key).Answer(observation)
	return Heard{Observation: observation, Reach: reach}, err
}

// Look asks one peer's machine as a refresh does: beside what Hear asks, whom it
// can dial, and to whom it speaks by UDP.
func (m Mesh) Look(ctx context.Context, host remote.Host, key string) (Heard, error) {
	heard, err := m.Hear(ctx, host, key)
	if err == nil && heard.Observation.Recorded() {
		heard.Dials, err = m.Dial(ctx, host, key)
	}
	if err == nil && heard.Observation.Recorded() {
		heard.Speaks, err = m.Speaks(ctx, host, key)
	}
	return heard, err
}

// Forget takes the mesh from a machine: tincd stays, and knows nobody.
func (m Mesh) Forget(ctx context.Context, host remote.Host) error {
	if err := converge.Remove(ctx, host, m.Owner()); err != nil {
		return err
	}
	// The peer may be gone already; then nobody else removes its directories.
	dir := remote.Quote(directory(m.Name))
	_, err := host.Run(ctx, remote.Command{Name: "restarting tinc", Script: fmt.Sprintf(
		"systemctl try-restart -- %s\n[ -e %[2]s/tinc.conf ] || rmdir %[2]s/hosts %[2]s/conf.d %[2]s 2>/dev/null || :", remote.Quote(Unit(m.Name)), dir)})
	return err
}

// each works on all at once and joins what failed.
func each[T any](all []T, do func(one T) error) error {
	problems := make([]error, len(all))
	var group sync.WaitGroup
	for i, one := range all {
		group.Go(func() { problems[i] = do(one) })
	}
	group.Wait()
	return errors.Join(problems...)
}
