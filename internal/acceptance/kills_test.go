// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"cmp"
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
	return fmt.Sprintf("%d kills: %s; %d runs went on to their end; %d writes acknowledged, %d lost; %d members down at once at most",
		c.kills, strings.Join(parts, ", "), c.ended, c.acknowledged, c.lost, c.mostDown)
}

// Applies and destroys are killed at random moments, each in what the one before
// has left, while an application writes all the time: the one that is let go on
// finishes, no acknowledged write is lost, and no two members are down at once.
func TestKillsUnderAWriter(t *testing.T) {
	f := stand(t)
	kills := often(t, killsVariable, 2)
	k := f.killing()
	defer func() { _ = k.shop.DB.Close() }()
	earlier := countedEarlier(t)
	for k.kills < kills && !t.Failed() {
		// The one that lags behind most.
		counted := func(w way) int { return earlier[w.name] + k.byWay[w.name] }
		next := slices.MinFunc(ways(), func(a, b way) int { return cmp.Compare(counted(a)*b.share, counted(b)*a.share) })
		k.round(next, next.there)
		if !next.destroys && !t.Failed() {
			k.round(next, nil)
		}
	}
	f.declare(nil)
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

// killing begins a test that kills under a writer.
func (f *fixture) killing() *killing {
	f.Helper()
	seed := uint64(time.Now().UnixNano())
	f.Logf("seed %d", seed)
	return &killing{
		fixture: f, shop: f.shop(), random: rand.New(rand.NewPCG(seed, 0)), usual: map[string]time.Duration{},
		tally: tally{stoodStill: map[string]time.Duration{}, byWay: map[string]int{}},
	}
}

// mostInARow bounds how many runs are killed before one is let go on.
const mostInARow = 8

// round kills runs in a way there, or back, until one ends by itself, and looks
// what became of the site. What is destroyed is made again, killed just so.
func (k *killing) round(way way, change func(*declaration)) {
	k.Helper()
	declared := k.declare(change)
	spells := func() []spell { return nil }
	if way.samples {
		spells = k.sample()
	}
	writer := site.StartWriter(k.Context(), k.shop.DB)
	inRow := map[string]int{}
	switch {
	case !way.destroys:
		inRow[way.name] = k.inRow(way.name, way.takes, "apply")
	case way.target != "":
		inRow[way.name] = k.inRow(way.name, way.takes, "destroy", way.target)
		inRow[made] = k.inRow(made, 3*way.takes, "apply")
	default:
		inRow[way.name] = k.inRow(way.name, way.takes, "destroy")
		inRow[made] = k.inRow(made, 3*way.takes, "apply")
	}
	k.apply()
	k.inSync()
	count := writer.Count()
	k.eventually("writing on", time.Minute, func() bool { return writer.Count() > count+3 })
	report, err := writer.Stop(k.Context(), k.shop.DB)
	k.must(err)
	down := mostDown(spells())
	if report.Lost > 0 || down > 1 {
		k.Errorf("%s, killed %v times: %d writes lost, %d members down at once", way.name, inRow, report.Lost, down)
	}
	k.wholeOf(databases[:declared.members], declared.routers)
	k.acknowledged, k.lost, k.mostDown = k.acknowledged+report.Acknowledged, k.lost+report.Lost, max(k.mostDown, down)
	for name, kills := range inRow {
		k.kills += kills
		k.byWay[name] += kills
		k.stoodStill[name] = max(k.stoodStill[name], report.StoodStill)
	}
	// A run of the test that is cut off counts up to here.
	k.Logf("%s, killed %v times: %s, %d down at once\n%s", way.name, inRow, report, down, k)
}

// inRow kills one run after the other, each at a random moment of the work that is
// left, until one ends by itself, and gives how many it killed. Of destroys some
// are never ended: what is half there is made again.
func (k *killing) inRow(name string, takes time.Duration, args ...string) int {
	k.Helper()
	if k.usual[name] == 0 {
		k.usual[name] = takes
	}
	left := k.usual[name]
	for kills := range mostInARow {
		if args[0] == "destroy" && kills > 1 && k.random.IntN(4) == 0 {
			return kills
		}
		when := time.Duration(k.random.Int64N(int64(left)))
		worked, killed := k.killedAfter(when, args...)
		k.Logf("%s: run %d was killed (%v) after %s of work", name, kills+1, killed, worked.Round(100*time.Millisecond))
		if !killed {
			k.ended++
			if kills == 0 && worked > 0 {
				k.usual[name] = max(worked, time.Second)
			}
			return kills
		}
		left = max(left-worked, k.usual[name]/4)
	}
	return mostInARow
}

// works is what Terraform says of the first thing that it changes.
var works = regexp.MustCompile(`: (Creating|Modifying|Destroying)\.\.\.`)

// killedAfter starts a run and kills it when it has worked for a while. It gives
// how long it worked, and whether it was killed: one that ended before is not.
func (k *killing) killedAfter(when time.Duration, args ...string) (worked time.Duration, killed bool) {
	k.Helper()
	command, output, err := k.terraform.Start(append(args, "-auto-approve", "-no-color")...)
	k.must(err)
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	var begun time.Time
	for begun.IsZero() || time.Since(begun) < when {
		select {
		case err := <-ended:
			if err != nil {
				k.Fatalf("the run ended by itself: %v\n%s", err, output.String())
			}
			if !begun.IsZero() {
				worked = time.Since(begun)
			}
			return worked, false
		case <-time.After(20 * time.Millisecond):
			if begun.IsZero() && works.MatchString(output.String()) {
				begun = time.Now()
			}
		}
	}
	worked = time.Since(begun)
	return worked, k.cutShort(command.Process.Pid, ended) != nil
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
