// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// plugsVariable says how many plugs are pulled.
const plugsVariable = "ATOLL_PLUGS"

// longestApply is beyond the time-outs of all resources: what lasts longer has no end.
const longestApply = 45 * time.Minute

// A host loses its power at a random moment of an apply, whatever that does and
// whichever host it is. The apply ends by itself, and names the host where it needed
// it; with the host back the next one finishes, and no acknowledged write is lost.
func TestPlugsPulledDuringApplies(t *testing.T) {
	f := stand(t)
	k := f.killing()
	defer func() { _ = k.shop.DB.Close() }()
	applies := slices.DeleteFunc(ways(), func(w way) bool { return w.destroys })
	plugs := often(t, plugsVariable, 2*len(applies))
	for pulled := 0; pulled < plugs && !t.Failed(); {
		for _, way := range applies {
			for _, change := range []func(*declaration){way.there, nil} {
				k.unplugged(way, change)
				pulled++
			}
		}
	}
	f.declare(nil)
	f.apply()
	f.inSync()
	f.whole()
	t.Log(k)
}

// unplugged pulls a plug while the site goes a way there, or back.
func (k *killing) unplugged(way way, change func(*declaration)) {
	k.Helper()
	declared := k.declare(change)
	hosts := append([]string{"app2"}, databases...)
	host := hosts[k.random.IntN(len(hosts))]
	writer := site.StartWriter(k.Context(), k.shop.DB)
	command, output, err := k.terraform.Start("apply", "-auto-approve", "-no-color")
	k.must(err)
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	k.eventually("the apply works", 10*time.Minute, func() bool {
		return works.MatchString(output.String()) || strings.Contains(output.String(), "Apply complete")
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
		k.Fatalf("%s, without %s: the apply has not ended after %s:\n%s", way.name, host, longestApply, output)
	}
	took := time.Since(pulled).Round(time.Second)
	said := flat(output.String())
	if err != nil && !strings.Contains(said, host) {
		k.Errorf("%s: the apply does not say that %s is the matter:\n%s", way.name, host, output)
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
	k.Logf("%s, without %s (%s): the apply ended %s after that (%v); %s", way.name, host, role, took, err, report)
}
