// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

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
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNotInStep says that everything is in place, and still two nodes are not kept
// in step.
var ErrNotInStep = errors.New("not every pair is kept in step")

// patience is how long pairs get to find each other: the agent dials again after
// 10 seconds at most.
const patience = 75 * time.Second

// settling is how long pairs that met get to be in step for the first time: small trees
// are at once, and who asks for the status right after an apply finds them so. Large ones
// take as long as they take, and nothing waits for that.
const settling = 15 * time.Second

// pause lies between two looks at the pairs.
const pause = 500 * time.Millisecond

// Converge brings the tier to every host and ends when each pair has met. It gives
// the public keys of the nodes that dial.
func (t Tier) Converge(ctx context.Context, hosts map[string]remote.Host) (map[string]string, error) {
	facts, err := t.ready(ctx, hosts)
	if err != nil {
		return nil, err
	}
	keys, _, err := t.bring(ctx, hosts, facts)
	return keys, err
}

// ready gives the facts of all hosts, or says why the tier cannot be there. It touches
// nothing.
func (t Tier) ready(ctx context.Context, hosts map[string]remote.Host) (map[string]Facts, error) {
	facts, err := t.knowAll(ctx, hosts)
	if err == nil {
		err = t.refuseAny(facts)
	}
	if err == nil {
		err = t.refuseForeign(ctx, hosts, facts)
	}
	if err == nil {
		err = t.meet(ctx, hosts, facts)
	}
	return facts, err
}

// bring does all of Converge that touches a host. met says whether hot trees met, or may
// have, where there is an error.
func (t Tier) bring(ctx context.Context, hosts map[string]remote.Host, facts map[string]Facts) (keys map[string]string, met bool, err error) {
	// What a node lets in are the keys of the others, so these come first.
	facts, err = each(hosts, func(node string) (Facts, error) { return t.withKey(ctx, hosts[node], node, facts[node]) })
	if err != nil {
		return nil, false, err
	}
	keys = map[string]string{}
	for node, one := range facts {
		if one.PublicKey != "" {
			keys[node] = one.PublicKey
		}
	}
	if err := t.adjust(ctx, hosts, facts, keys); err != nil {
		return nil, false, err
	}
	met, err = t.await(ctx, hosts)
	return keys, met, err
}

// withKey makes the key of a node that dials and has none that is whole.
func (t Tier) withKey(ctx context.Context, host remote.Host, node string, facts Facts) (Facts, error) {
	if len(t.dialled(node)) == 0 {
		return facts, nil
	}
	m := converge.Manifest{Owner: t.RecordOwner(), Items: []converge.Item{client, t.makeKey(node)}}
	observation, err := converge.Observe(ctx, host, m)
	if err != nil {
		return facts, err
	}
	plan := converge.Diff(m, observation)
	if plan.Refusal != nil {
		return facts, plan.Refusal
	}
	// The record stays as it is: with these alone it would take back all others.
	steps := slices.DeleteFunc(plan.Steps, func(step converge.Step) bool {
		return step.Effect.Kind != converge.EffectInstall && step.Effect.Kind != converge.EffectRun
	})
	if len(steps) == 0 {
		return facts, nil
	}
	if err := converge.Apply(ctx, host, m, steps); err != nil {
		return facts, err
	}
	return converge.Ask(ctx, host, t.factsNow(node))
}

// meet refuses hot trees that meet for the first time, have files that are not the
// same, and of which nobody said what is to become of them.
func (t Tier) meet(ctx context.Context, hosts map[string]remote.Host, facts map[string]Facts) error {
	known, hosts := true, maps.Clone(hosts)
	maps.DeleteFunc(hosts, func(node string, _ remote.Host) bool { return t.Nodes[node].Hot == "" })
	for node := range hosts {
		_, claimed := facts[node].Claims[t.Name]
		known = known && claimed
	}
	if known || t.Initial != "" {
		return nil
	}
	contents, err := each(hosts, func(node string) (content, error) { return converge.Ask(ctx, hosts[node], t.contents(node)) })
	if err != nil {
		return err
	}
	return t.clash(facts, contents)
}

// clash finds a tree that is new to the tier and differs from another one.
func (t Tier) clash(facts map[string]Facts, contents map[string]content) error {
	for _, node := range slices.Sorted(maps.Keys(contents)) {
		if _, claimed := facts[node].Claims[t.Name]; claimed || contents[node].empty {
			continue
		}
		for _, other := range slices.Sorted(maps.Keys(contents)) {
			if other != node && !contents[other].empty && contents[other].digest != contents[node].digest {
				return fmt.Errorf("%s on %s and %s on %s both have files, and not the same: nothing was touched. Say what is to become of them: initial = %q keeps all files and treats a path that differs as conflicts says, "+
					"initial = %q takes that node's version of a path that differs and keeps the other one beside it", t.Nodes[node].Hot, node, t.Nodes[other].Hot, other, Merge, From+other)
			}
		}
	}
	return nil
}

// adjust brings the manifests to all nodes at once.
func (t Tier) adjust(ctx context.Context, hosts map[string]remote.Host, facts map[string]Facts, keys map[string]string) error {
	heard, err := each(hosts, func(node string) (Heard, error) {
		observation, err := converge.Observe(ctx, hosts[node], t.Manifest(node, facts[node], keys))
		return Heard{Facts: facts[node], Observation: observation}, err
	})
	if err != nil {
		return err
	}
	operations, err := provision.Operations(t.Diagnose(heard, keys))
	if err != nil {
		return err
	}
	wanted := map[string]remote.Host{}
	for _, operation := range operations {
		if adjust, is := operation.(Adjust); is {
			wanted[adjust.Node] = hosts[adjust.Node]
		}
	}
	_, err = each(wanted, func(node string) (converge.Observation, error) {
		return converge.Converge(ctx, hosts[node], t.Manifest(node, facts[node], keys))
	})
	return err
}

// meeting is one thing that two nodes keep in step.
type meeting struct {
	Pair
	// name says what it is, unit is where the node that dials works on it.
	name, unit string
	// hot says that these are hot trees, and no archives.
	hot    bool
	status converge.Question[model.PairStatus]
	// met says whether the nodes found each other, still whether they are on their first
	// way, idle whether the unit has to be told not to wait any longer.
	met, still, idle func(model.PairStatus) bool
}

// meetings are all that the tier keeps in step.
func (t Tier) meetings() []meeting {
	var all []meeting
	for _, pair := range t.Pairs {
		if t.joins(pair.Dials, pair.Serves) {
			all = append(all, meeting{pair, pair.String(), t.unit(pair.Serves) + ".service", true, t.status(pair.Serves),
				func(s model.PairStatus) bool { return s.Stage == model.Working || s.Stage == model.Watching },
				func(s model.PairStatus) bool { return s.Stage == model.Working && s.InStep.IsZero() },
				func(s model.PairStatus) bool { return s.Stage == model.Waiting }})
		}
		if t.cold() {
			all = append(all, meeting{pair, "archive " + pair.String(), t.archiveUnit(pair.Serves) + ".service", false, t.archiveStatus(pair.Serves),
				func(s model.PairStatus) bool { return s.Stage == model.Working || !s.InStep.IsZero() },
				func(model.PairStatus) bool { return false },
				func(model.PairStatus) bool { return true }})
		}
	}
	return all
}

// await looks until every pair has met. What kept one apart may be mended now, so
// it is told not to wait any longer. met says whether a pair of hot trees has met, or may
// have.
func (t Tier) await(ctx context.Context, hosts map[string]remote.Host) (met bool, err error) {
	woken, settled := map[string]bool{}, time.Now().Add(settling)
	for deadline := time.Now().Add(patience); ; {
		var waiting []string
		still := false
		for _, meeting := range t.meetings() {
			status, err := converge.Ask(ctx, hosts[meeting.Dials], meeting.status)
			if err != nil {
				return true, fmt.Errorf("node %s: %w", meeting.Dials, err)
			}
			if status.Error == "" && meeting.met(status) {
				still, met = still || meeting.still(status), met || meeting.hot
				continue
			}
			if meeting.idle(status) && !woken[meeting.name] {
				woken[meeting.name] = true
				if err := wake(ctx, hosts[meeting.Dials], meeting); err != nil {
					return true, err
				}
			}
			waiting = append(waiting, strings.TrimSuffix(meeting.name+": "+oneLine(status.Error), ": "))
		}
		now := time.Now()
		if len(waiting) == 0 && (!still || now.After(settled)) {
			return met, nil
		}
		if len(waiting) > 0 && now.After(deadline) {
			return met, t.notInStep(waiting)
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return true, err
		}
	}
}

// wake lets a node dial at once.
func wake(ctx context.Context, host remote.Host, meeting meeting) error {
	_, err := host.Run(ctx, remote.Command{Name: "dialling " + meeting.Serves + " at once", Script: "systemctl restart --no-block -- " + remote.Quote(meeting.unit)})
	return err
}

// Hear asks one node's machine. keys are those that are remembered of the other
// nodes; its own is asked for. Where the tier cannot be on the machine as it is, Diagnose
// says so: an error here would stand in the way of every plan, the one that ends it, too.
func (t Tier) Hear(ctx context.Context, host remote.Host, node string, facts Facts, keys map[string]string) (Heard, error) {
	manifest := t.Manifest(node, facts, keys)
	if t.forms() == nil {
		manifest.Refusal = nil
	}
	observation, err := converge.Observe(ctx, host, manifest)
	return Heard{Facts: facts, Observation: observation}, err
}

// Know asks one node's machine for its facts.
func (t Tier) Know(ctx context.Context, host remote.Host, node string) (Facts, error) {
	return converge.Ask(ctx, host, t.facts(node))
}

// Foresee asks for what Know does, before the tier is there.
func (t Tier) Foresee(ctx context.Context, host remote.Host, node string) (Facts, error) {
	return converge.Ask(ctx, host, t.factsNow(node))
}

// Leave takes the tier from a machine. All files stay; what unison remembers goes,
// so that a node that comes back gets what it missed and deletes nothing.
func (t Tier) Leave(ctx context.Context, host remote.Host, node Node) error {
	script := t.stop("*")
	for _, tree := range (Tier{Nodes: map[string]Node{"": node}}).trees("") {
		script += t.letGo(tree.path)
	}
	if _, err := host.Run(ctx, remote.Command{Name: "letting the trees of " + t.Name + " go", Script: script}); err != nil {
		return err
	}
	if err := converge.Remove(ctx, host, t.RecordOwner()); err != nil {
		return err
	}
	_, err := host.Run(ctx, remote.Command{Name: "leaving the file tier " + t.Name, Script: fmt.Sprintf(
		"set -e\nrm -rf -- %[1]s\nrmdir -- %[2]s 2>/dev/null || :", remote.Quote(t.home()), remote.Quote(t.settings()))})
	return err
}

// letGo takes the tier's name from a tree.
func (t Tier) letGo(path string) string {
	return fmt.Sprintf("if [ -x %[1]s ]; then %[1]s claim --root %[2]s --tier %[3]s --drop 2>/dev/null || :; fi\n",
		remote.Quote(agent.Program(t.home())), remote.Quote(path), remote.Quote(t.Name))
}

// stop ends what runs for a pair; "*" stands for all of them.
func (t Tier) stop(peer string) string {
	unit := t.unit(peer)
	return fmt.Sprintf("systemctl stop -- %s %s %s %s 2>/dev/null || :\n",
		remote.Quote(unit+".service"), remote.Quote(unit+".socket"), remote.Quote(unit+"@*.service"), remote.Quote(unit+".cold*"))
}

// each asks all nodes at once and says of each error whose it is.
func each[V any](hosts map[string]remote.Host, ask func(node string) (V, error)) (map[string]V, error) {
	answers, problems := map[string]V{}, []error{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for node := range hosts {
		group.Go(func() {
			answer, err := ask(node)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, fmt.Errorf("node %s: %w", node, err))
				return
			}
			answers[node] = answer
		})
	}
	group.Wait()
	return answers, errors.Join(problems...)
}
