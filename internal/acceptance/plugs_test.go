// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// plugsVariable says how many plugs are pulled.
const plugsVariable = "ATOLL_PLUGS"

// longestApply is beyond the time-outs of all resources: what lasts longer has no end.
const longestApply = 45 * time.Minute

// A host loses its power at a random moment of an apply or a destroy, whatever that does
// and whichever host it is. The run ends by itself, and names the host where it needed
// it; with the host back the next one finishes, and no acknowledged write is lost.
func TestPlugsPulledDuringApplies(t *testing.T) {
	f := stand(t)
	k := f.killing()
	defer func() { _ = k.shop.DB.Close() }()
	plugs := often(t, plugsVariable, 2*len(ways()))
	for k.kills < plugs && !t.Failed() {
		for _, way := range ways() {
			if !way.destroys {
				k.unplugged(way, way.there, "apply")
				k.unplugged(way, nil, "apply")
				continue
			}
			destroy := []string{"destroy"}
			if way.target != "" {
				destroy = append(destroy, way.target)
			}
			k.unplugged(way, nil, destroy...)
			k.must(k.terraform.Destroy(t.Context(), destroy[1:]...))
			k.unplugged(remade(way), nil, "apply")
		}
	}
	f.declare(nil)
	f.apply()
	f.inSync()
	f.whole()
	t.Log(k)
}

// remade is the way back from what is destroyed.
func remade(w way) way {
	w.name, w.takes = made, 3*w.takes
	return w
}

// unplugged pulls a plug while a run goes a way there, or back, and has an apply finish
// what is to be.
func (k *killing) unplugged(way way, change func(*declaration), args ...string) {
	k.Helper()
	declared := k.declare(change)
	hosts := append([]string{"app2"}, databases...)
	host := hosts[k.random.IntN(len(hosts))]
	writer := site.StartWriter(k.Context(), k.shop.DB)
	command, output, err := k.terraform.Start(append(args, "-auto-approve", "-no-color")...)
	k.must(err)
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	k.eventually("the run works", 10*time.Minute, func() bool {
		return works.MatchString(output.String()) || strings.Contains(output.String(), " complete!")
	})
	time.Sleep(time.Duration(k.random.Int64N(int64(way.takes))))
	role := "no primary"
	if closed, err := k.try(host, "mysql -N -B -e 'SELECT @@global.super_read_only'"); err == nil && closed == "0" {
		role = "the primary"
	}
	k.must(k.lab.PullPlug(k.Context(), host))
	pulled := time.Now()
	select {
	case err = <-ended:
	case <-time.After(longestApply):
		k.Fatalf("%s, without %s: the run has not ended after %s:\n%s", way.name, host, longestApply, output)
	}
	took := time.Since(pulled).Round(time.Second)
	said := flat(output.String())
	if err != nil && !strings.Contains(said, host) {
		k.Errorf("%s: the run does not say that %s is the matter:\n%s", way.name, host, output)
	}
	k.must(k.lab.PlugIn(k.Context(), host))
	k.eventually(host+" is back", 2*time.Minute, func() bool { _, err := k.try(host, "true"); return err == nil })
	k.apply()
	k.inSync()
	count := writer.Count()
	k.eventually("writing on", time.Minute, func() bool { return writer.Count() > count+3 })
	report, stopped := writer.Stop(k.Context(), k.shop.DB)
	k.must(stopped)
	if report.Lost > 0 {
		k.Errorf("%s: %d writes lost", way.name, report.Lost)
	}
	k.wholeOf(databases[:declared.members], declared.routers)
	k.kills, k.acknowledged, k.lost = k.kills+1, k.acknowledged+report.Acknowledged, k.lost+report.Lost
	k.byWay[way.name]++
	k.stoodStill[way.name] = max(k.stoodStill[way.name], report.StoodStill)
	k.Logf("%s, without %s (%s): the run ended %s after that (%v); %s", way.name, host, role, took, err, report)
}
