// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// way is something that an apply does and is killed in.
type way struct {
	name string
	// change is what makes the declaration another; without it the site is
	// destroyed. Done once more it is taken back.
	change func(nodes, all map[string]any)
	// members and routers are how many are declared then.
	members, routers int
	// samples says that no two members may be down at one moment meanwhile.
	samples bool
}

// ways in the order in which they are taken: of 200 kills 50 are in destroy and 30
// in what concerns routers.
func ways() []way {
	settings := way{"settings", func(_, all map[string]any) {
		all["mysql_settings"] = map[string]any{"back_log": "93", "max_connections": "223"}
	}, 3, 2, true}
	member := way{"member", func(nodes, _ map[string]any) { delete(nodes, "sg1") }, 2, 2, true}
	router := way{"router", func(nodes, _ map[string]any) { delete(nodes, "app2") }, 3, 1, false}
	destroy := way{"destroy", nil, 3, 2, false}
	return []way{
		settings, member, router, destroy, settings, member, destroy, settings, member, router,
		destroy, settings, member, destroy, settings, member, router, destroy, settings, member,
	}
}

// tally is what became of the kills.
type tally struct {
	kills, ended, acknowledged, lost int
	stoodStill                       map[string]time.Duration
	byWay                            map[string]int
	mostDown                         int
}

func (c *tally) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c.byWay)) {
		parts = append(parts, fmt.Sprintf("%s %d (standstill %s)", name, c.byWay[name], c.stoodStill[name].Round(100*time.Millisecond)))
	}
	return fmt.Sprintf("%d kills: %s; %d runs more ended before; %d writes acknowledged, %d lost; %d members down at once at most",
		c.kills, strings.Join(parts, ", "), c.ended, c.acknowledged, c.lost, c.mostDown)
}

// An apply or a destroy is killed at a random moment, while an application writes
// all the time: the next apply finishes, no acknowledged write is lost, and no two
// members are down at once.
func TestKillsUnderAWriter(t *testing.T) {
	f := stand(t)
	kills := often(t, killsVariable, 2)
	k := &killing{fixture: f, shop: f.shop(), usual: map[string]time.Duration{}, tally: tally{stoodStill: map[string]time.Duration{}, byWay: map[string]int{}}}
	defer func() { _ = k.shop.DB.Close() }()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	k.random = rand.New(rand.NewPCG(seed, 0))
	defer func() { t.Log(k.String()) }()
	for turn := 0; k.kills < kills && !t.Failed(); turn++ {
		all := ways()
		way := all[turn%len(all)]
		if way.change == nil {
			k.round(way, false)
			continue
		}
		k.round(way, true)
		if k.kills < kills && !t.Failed() {
			k.round(way, false)
		}
	}
	f.variables(func(_, _ map[string]any) {})
	f.apply()
	f.inSync()
	f.whole()
}

// killing is a test on its way.
type killing struct {
	*fixture
	tally
	shop   *site.Application
	random *rand.Rand
	// usual is how long each way took when it was last let go on to its end.
	usual map[string]time.Duration
}

// round kills one run in a way there, or back, and lets the next one finish.
func (k *killing) round(way way, there bool) {
	k.Helper()
	members, routers := 3, 2
	k.variables(func(nodes, all map[string]any) {
		if there {
			way.change(nodes, all)
			members, routers = way.members, way.routers
		}
	})
	spells := func() []spell { return nil }
	if way.samples {
		spells = k.sample()
	}
	writer := site.StartWriter(k.Context(), k.shop.DB)
	when, killed := k.killedIn(way)
	if way.change == nil && k.random.IntN(2) == 0 {
		k.must(k.terraform.Destroy(k.Context()))
	}
	start := time.Now()
	k.apply()
	k.usual[way.name] = time.Since(start) / 2 // the other half goes by before the work begins
	k.inSync()
	count := writer.Count()
	k.eventually("writing on", time.Minute, func() bool { return writer.Count() > count+3 })
	report, err := writer.Stop(k.Context(), k.shop.DB)
	k.must(err)
	down := mostDown(spells())
	k.Logf("%s, killed after %s (%v): %s, %d down at once", way.name, when.Round(time.Millisecond), killed, report, down)
	if report.Lost > 0 || down > 1 {
		k.Errorf("%s, killed after %s: %d writes lost, %d members down at once", way.name, when, report.Lost, down)
	}
	k.wholeOf(databases[:members], routers)
	k.acknowledged, k.lost, k.mostDown = k.acknowledged+report.Acknowledged, k.lost+report.Lost, max(k.mostDown, down)
	k.stoodStill[way.name] = max(k.stoodStill[way.name], report.StoodStill)
	if !killed {
		k.ended++
		return
	}
	k.kills++
	k.byWay[way.name]++
}

// works is what Terraform says of the first thing that it changes.
var works = regexp.MustCompile(`: (Creating|Modifying|Destroying)\.\.\.`)

// killedIn starts a run and kills it at a random moment of its work.
func (k *killing) killedIn(way way) (when time.Duration, killed bool) {
	k.Helper()
	verb := "apply"
	if way.change == nil {
		verb = "destroy"
	}
	command, output, err := k.terraform.Start(verb, "-auto-approve", "-no-color")
	k.must(err)
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	usual := max(k.usual[way.name], 4*time.Second)
	when = time.Duration(k.random.Int64N(int64(usual)))
	for working := (time.Time{}); working.IsZero() || time.Since(working) < when; {
		select {
		case err := <-ended:
			if err != nil {
				k.Fatalf("the run ended by itself: %v\n%s", err, output.String())
			}
			return when, false
		case <-time.After(20 * time.Millisecond):
			if working.IsZero() && works.MatchString(output.String()) {
				working = time.Now()
			}
		}
	}
	return when, k.cutShort(command.Process.Pid, ended) != nil
}

// mostDown is how many members were not online at one moment, at most.
func mostDown(spells []spell) int {
	most := 0
	for _, one := range spells {
		hosts := map[string]bool{one.host: true}
		for _, other := range spells {
			// At the moment at which the one begins.
			if other.from <= one.from && one.from < other.to {
				hosts[other.host] = true
			}
		}
		most = max(most, len(hosts))
	}
	return most
}

func TestMostDown(t *testing.T) {
	for name, row := range map[string]struct {
		spells []spell
		want   int
	}{
		"none":                  {nil, 0},
		"one after another":     {[]spell{{"a", 1, 2}, {"b", 2, 3}, {"a", 4, 5}}, 1},
		"two at once":           {[]spell{{"a", 1, 3}, {"b", 2, 4}, {"c", 4, 5}}, 2},
		"three, one in the two": {[]spell{{"a", 1, 9}, {"b", 2, 8}, {"c", 3, 4}}, 3},
	} {
		if got := mostDown(row.spells); got != row.want {
			t.Errorf("%s: %d, want %d", name, got, row.want)
		}
	}
}
