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
	keys := slices.Sorted(maps.Keys(hosts))
	var mu sync.Mutex
	var rolling []string
	started := map[string]bool{}
	err := each(keys, func(key string) error {
		later, restarted, err := m.convergeUnlessRunning(ctx, hosts[key], key)
		mu.Lock()
		defer mu.Unlock()
		if later {
			rolling = append(rolling, key)
		}
		if restarted {
			started[key] = true
		}
		return m.unlessLeaving(key, err)
	})
	if err != nil {
		return nil, err
	}
	if len(started) > 0 {
		if err := remote.Pause(ctx, settle); err != nil {
			return nil, err
		}
	}
	slices.Sort(rolling)
	for _, key := range rolling {
		if _, err := converge.Converge(ctx, hosts[key], m.Manifest(key)); m.unlessLeaving(key, err) != nil {
			return nil, fmt.Errorf("peer %s: %w", key, err)
		}
		// The one that was restarted has to be back before the next goes: a
		// link that relays for others must not be missed twice. Those that
		// wait still have the old settings.
		if err := remote.Pause(ctx, settle); err != nil {
			return nil, err
		}
		if _, err := m.await(ctx, hosts, nil, false); err != nil {
			return nil, err
		}
	}
	return m.await(ctx, hosts, started, true)
}

// convergeUnlessRunning leaves a peer for later whose tincd carries links now
// and would be restarted.
func (m Mesh) convergeUnlessRunning(ctx context.Context, host remote.Host, key string) (later, restarted bool, err error) {
	manifest := m.Manifest(key)
	observation, err := converge.Observe(ctx, host, manifest)
	if err != nil {
		return false, false, fmt.Errorf("peer %s: %w", key, err)
	}
	plan := converge.Diff(manifest, observation)
	restarted = plan.Restarts(Unit(m.Name))
	switch {
	case plan.Refusal != nil:
		return false, false, fmt.Errorf("peer %s: %w", key, plan.Refusal)
	case observation.Recorded() && restarted:
		return true, false, nil
	}
	if err := converge.Apply(ctx, host, manifest, plan.Steps); err != nil {
		return false, false, fmt.Errorf("peer %s: %w", key, err)
	}
	return false, restarted, nil
}

// await looks until each reaches each and, if settled is asked for, every host
// is as declared. started are the peers whose daemons this run started.
func (m Mesh) await(ctx context.Context, hosts map[string]remote.Host, started map[string]bool, settled bool) (map[string]Reach, error) {
	start := time.Now()
	deadline, revive := start.Add(patience), start.Add(reviveAfter)
	for {
		reached, differs, err := m.look(ctx, hosts)
		if !settled {
			differs = nil
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
			open := m.tryPorts(ctx, hosts, reached)
			return nil, fmt.Errorf("%w:\n%s", ErrNotMeshed, strings.Join(converge.Texts(m.complaintsAmong(needed, reached, open)), "\n"))
		}
		if time.Now().After(revive) {
			if err := m.revive(ctx, hosts, started, reached); err != nil {
				return nil, err
			}
			revive = time.Now().Add(settle + reviveAfter)
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// revive starts one daemon once more: of those that this run started anyway,
// the one that misses most.
func (m Mesh) revive(ctx context.Context, hosts map[string]remote.Host, started map[string]bool, reached map[string]Reach) error {
	worst, most := "", 0
	for _, key := range slices.Sorted(maps.Keys(started)) {
		missing := 0
		for to, ok := range reached[key] {
			if !ok && hosts[to] != nil {
				missing++
			}
		}
		if missing > most {
			worst, most = key, missing
		}
	}
	if worst == "" {
		return nil
	}
	_, err := hosts[worst].Run(ctx, remote.Command{Name: "starting tinc once more", Script: "systemctl restart -- " + remote.Quote(Unit(m.Name))})
	return err
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

func (m Mesh) look(ctx context.Context, hosts map[string]remote.Host) (map[string]Reach, []converge.Line, error) {
	var mu sync.Mutex
	reached, differs := map[string]Reach{}, []converge.Line{}
	err := each(slices.Sorted(maps.Keys(hosts)), func(key string) error {
		observation, err := converge.Observe(ctx, hosts[key], m.Manifest(key))
		if err != nil {
			return m.unlessLeaving(key, fmt.Errorf("peer %s: %w", key, err))
		}
		reach, err := m.Reached(key, observation)
		if err != nil {
			return m.unlessLeaving(key, fmt.Errorf("peer %s: %w", key, err))
		}
		mu.Lock()
		defer mu.Unlock()
		reached[key] = reach
		if m.Peers[key].Leaving {
			return nil
		}
		for _, line := range m.Drift(key, observation) {
			if line.Code != CodeNotReached {
				differs = append(differs, line)
			}
		}
		return nil
	})
	return reached, differs, err
}

// tryPorts finds out for each pair that does not work whether the one reaches
// the other's port outside of the mesh. What cannot be asked is left out.
func (m Mesh) tryPorts(ctx context.Context, hosts map[string]remote.Host, reached map[string]Reach) map[[2]string]bool {
	var mu sync.Mutex
	open := map[[2]string]bool{}
	_ = each(slices.Sorted(maps.Keys(hosts)), func(from string) error {
		var silent []string
		for to, ok := range reached[from] {
			if !ok {
				silent = append(silent, to)
			}
		}
		slices.Sort(silent)
		reached, err := converge.Ask(ctx, hosts[from], m.ports(silent))
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for to, ok := range reached {
			open[[2]string{from, to}] = ok
		}
		return nil
	})
	return open
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

// each works on all keys at once and joins what failed.
func each(keys []string, do func(key string) error) error {
	problems := make([]error, len(keys))
	var group sync.WaitGroup
	for i, key := range keys {
		group.Go(func() { problems[i] = do(key) })
	}
	group.Wait()
	return errors.Join(problems...)
}
