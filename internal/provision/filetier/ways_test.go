// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// observed is what a machine says of the pair with a, with no more than that.
func observed(t *testing.T, tier Tier, status string) converge.Observation {
	t.Helper()
	machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.2", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := machine.Write("/var/lib/atoll/tier/files/pairs/a/status.json", status); err != nil {
		t.Fatal(err)
	}
	network := &remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}
	asked := converge.Manifest{Owner: tier.RecordOwner(), Items: []converge.Item{tier.statusCheck("b", "a")}}
	observation, err := converge.Observe(t.Context(), network.Host(remote.Target{Host: machine.Address}), asked)
	if err != nil {
		t.Fatal(err)
	}
	return observation
}

// A pair is told of only where it works by its old connection and both nodes were asked:
// one that does not has its line already.
func TestPairsThatCannotBeDialled(t *testing.T) {
	tier := three().Without(func(node string) bool { return node == "c" })
	line := "b → a: no new connection to SSH at 10.77.0.1:22. The one that is open goes on, and after a restart of either node these two are not kept in step. Look on both machines for a firewall rule that drops the port"
	for name, row := range map[string]struct {
		status  model.PairStatus
		dials   reach.Reach
		stopped bool
		silent  bool
		want    []string
	}{
		"reached":             {model.PairStatus{Stage: model.Watching}, reach.Reach{"a": true}, false, false, []string{}},
		"not tried":           {model.PairStatus{Stage: model.Watching}, nil, false, false, []string{}},
		"closed":              {model.PairStatus{Stage: model.Watching}, reach.Reach{"a": false}, false, false, []string{line}},
		"closed, at work":     {model.PairStatus{Stage: model.Working}, reach.Reach{"a": false}, false, false, []string{line}},
		"closed, and says so": {model.PairStatus{Stage: model.Waiting, Error: "unable to reach a"}, reach.Reach{"a": false}, false, false, []string{}},
		"it dials just now":   {model.PairStatus{Stage: model.Connecting}, reach.Reach{"a": false}, false, false, []string{}},
		"its unit is stopped": {model.PairStatus{Stage: model.Watching}, reach.Reach{"a": false}, true, false, []string{}},
		"a was not asked":     {model.PairStatus{Stage: model.Watching}, reach.Reach{"a": false}, false, true, []string{}},
	} {
		heard := map[string]Heard{"a": {}, "b": {
			Observation: observed(t, tier, fmt.Sprintf(`{"stage":%q,"error":%q}`, row.status.Stage, row.status.Error)), Dials: row.dials,
		}}
		if row.silent {
			delete(heard, "a")
		}
		var drift []converge.Line
		if row.stopped {
			drift = append(drift, converge.Line{Subject: "unit atoll-tier-files.a.service", Text: "inactive, want active"})
		}
		got := []string{}
		if found, is := tier.unreached(Pair{Dials: "b", Serves: "a"}, heard, drift); is {
			got = append(got, found.String())
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// A node dials what its unison dials, and a refresh tells of what does not come about.
func TestNodesAreDialled(t *testing.T) {
	for _, row := range []struct {
		closed string
		want   []string
	}{{"10.77.0.1/655", nil}, {"10.77.0.1/22", []string{"b → a"}}} {
		machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.2", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := machine.Write("/simulated/closed", row.closed+"\n"); err != nil {
			t.Fatal(err)
		}
		tier := three().Without(func(node string) bool { return node == "c" })
		host := (&remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}).Host(remote.Target{Host: machine.Address})
		heard := map[string]Heard{"a": {}, "b": examined(t.Context(), t, tier, machine, host)}
		var subjects []string
		for _, finding := range tier.Diagnose(heard, nil) {
			if finding.Line.Code == CodeWay {
				subjects = append(subjects, finding.Line.Subject)
			}
		}
		if !slices.Equal(subjects, row.want) {
			t.Errorf("%s is closed: %q, want %q", row.closed, subjects, row.want)
		}
	}
}

// examined is what b's machine says after an apply of it that left the pair in step.
func examined(ctx context.Context, t *testing.T, tier Tier, machine *remotetest.Machine, host remote.Host) Heard {
	t.Helper()
	// The unit that runs and a record are enough to be of the tier.
	yes := true
	unit := tier.unit("a") + ".service"
	record := converge.Manifest{Owner: tier.RecordOwner(), Items: []converge.Item{
		converge.File{Path: "/etc/systemd/system/" + unit, Mode: 0o644, Content: tier.dialUnit("b", "a")},
		converge.Unit{Name: unit, Enabled: &yes, Active: &yes},
	}}
	if _, err := converge.Converge(ctx, host, record); err != nil {
		t.Fatal(err)
	}
	if err := machine.Write("/var/lib/atoll/tier/files/pairs/a/status.json", `{"stage":"watching"}`); err != nil {
		t.Fatal(err)
	}
	heard, err := tier.Examine(ctx, host, "b", Facts{Group: "www-data"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return heard
}
