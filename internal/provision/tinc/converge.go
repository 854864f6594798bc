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
// reload and again after 5 seconds; a pair that is not up after several of
// these has something in its way.
const patience = 45 * time.Second

// pause lies between two looks at the links.
const pause = 500 * time.Millisecond

// Converge brings the mesh to every host at once and ends when each reaches
// each. A change for which tincd has to restart goes to one peer after another,
// with all links up in between.
func (m Mesh) Converge(ctx context.Context, hosts map[string]remote.Host) (map[string]Reach, error) {
	keys := slices.Sorted(maps.Keys(hosts))
	var mu sync.Mutex
	var rolling []string
	err := each(keys, func(key string) error {
		later, err := m.convergeUnlessRunning(ctx, hosts[key], key)
		if later {
			mu.Lock()
			defer mu.Unlock()
			rolling = append(rolling, key)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(rolling)
	for _, key := range rolling {
		if _, err := converge.Converge(ctx, hosts[key], m.Manifest(key)); err != nil {
			return nil, fmt.Errorf("peer %s: %w", key, err)
		}
		// The one that was restarted has to be back before the next goes: a
		// link that relays for others must not be missed twice. Those that
		// wait still have the old settings.
		if _, err := m.await(ctx, hosts, false); err != nil {
			return nil, err
		}
	}
	return m.await(ctx, hosts, true)
}

// convergeUnlessRunning leaves a peer for later whose tincd carries links now
// and would be restarted.
func (m Mesh) convergeUnlessRunning(ctx context.Context, host remote.Host, key string) (later bool, err error) {
	manifest := m.Manifest(key)
	observation, err := converge.Observe(ctx, host, manifest)
	if err != nil {
		return false, fmt.Errorf("peer %s: %w", key, err)
	}
	plan := converge.Diff(manifest, observation)
	if observation.Recorded() && plan.Restarts(Unit(m.Name)) {
		return true, nil
	}
	if plan.Refusal != nil {
		return false, fmt.Errorf("peer %s: %w", key, plan.Refusal)
	}
	if err := converge.Apply(ctx, host, manifest, plan.Steps); err != nil {
		return false, fmt.Errorf("peer %s: %w", key, err)
	}
	return false, nil
}

// await looks until each reaches each and, if settled is asked for, every host
// is as declared.
func (m Mesh) await(ctx context.Context, hosts map[string]remote.Host, settled bool) (map[string]Reach, error) {
	deadline := time.Now().Add(patience)
	for round := 0; ; round++ {
		reached, differs, err := m.look(ctx, hosts)
		if !settled {
			differs = nil
		}
		switch {
		case err != nil:
			return nil, err
		case len(differs) == 0 && len(m.complaints(reached, hosts, nil)) == 0:
			return reached, nil
		case time.Now().After(deadline) && len(differs) > 0:
			return nil, fmt.Errorf("%w: %s", converge.ErrStillDiffers, strings.Join(differs, "; "))
		case time.Now().After(deadline):
			open := m.tryPorts(ctx, hosts, reached)
			return nil, fmt.Errorf("%w:\n%s", ErrNotMeshed, strings.Join(m.complaints(reached, hosts, open), "\n"))
		}
		if err := m.redial(ctx, hosts, reached, round); err != nil {
			return nil, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// redial lets one peer with a missing link dial anew, another in each round.
// Two daemons that started at the same moment dial each other at the same
// moment; each then closes what the other keeps ("established a second
// connection"), and as their retry timers run alike, they do so again after 5,
// 10 and 15 seconds. One that dials alone gets through.
func (m Mesh) redial(ctx context.Context, hosts map[string]remote.Host, reached map[string]Reach, round int) error {
	var alone []string
	for _, key := range slices.Sorted(maps.Keys(hosts)) {
		for to, ok := range reached[key] {
			if !ok && hosts[to] != nil {
				alone = append(alone, key)
				break
			}
		}
	}
	if len(alone) == 0 {
		return nil
	}
	_, err := hosts[alone[round%len(alone)]].Run(ctx, remote.Command{
		Name: "dialling the other peers anew", Script: "systemctl kill -s ALRM " + remote.Quote(Unit(m.Name)) + " || :",
	})
	return err
}

// complaints leaves out the peers that are not contacted: they are gone.
func (m Mesh) complaints(reached map[string]Reach, hosts map[string]remote.Host, open map[[2]string]bool) []string {
	trimmed := map[string]Reach{}
	for from, reach := range reached {
		trimmed[from] = Reach{}
		for to, ok := range reach {
			if hosts[to] != nil {
				trimmed[from][to] = ok
			}
		}
	}
	return m.Complaints(trimmed, open)
}

func (m Mesh) look(ctx context.Context, hosts map[string]remote.Host) (map[string]Reach, []string, error) {
	var mu sync.Mutex
	reached, differs := map[string]Reach{}, []string{}
	err := each(slices.Sorted(maps.Keys(hosts)), func(key string) error {
		manifest := m.Manifest(key)
		observation, err := converge.Observe(ctx, hosts[key], manifest)
		if err != nil {
			return fmt.Errorf("peer %s: %w", key, err)
		}
		mu.Lock()
		defer mu.Unlock()
		reached[key] = m.Reached(key, observation)
		for _, line := range converge.Diff(manifest, observation).Drift {
			differs = append(differs, key+": "+line)
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
		result, err := hosts[from].Run(ctx, remote.Command{Name: "trying tinc's ports", Script: m.PortProbe(silent)})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		answered := strings.Fields(string(result.Stdout))
		for _, to := range silent {
			open[[2]string{from, to}] = slices.Contains(answered, to)
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
	_, err := host.Run(ctx, remote.Command{Name: "restarting tinc", Script: "systemctl try-restart -- " + remote.Quote(Unit(m.Name))})
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
