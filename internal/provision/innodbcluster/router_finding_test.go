// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

func TestUndeclaredRouters(t *testing.T) {
	const app1, app2, own = "mysql_router_app1", "mysql_router_app2", "mysql_router3_abcdefghijkl"
	rows := func() []Router {
		return []Router{
			{ID: 1, Cluster: "id", Address: "app1", Name: "atoll", User: app1}, {ID: 2, Cluster: "id", Address: "app2", Name: "atoll", User: app2},
			{ID: 3, Cluster: "id", Address: "old", Name: "system", User: own},
		}
	}
	both := []DeclaredRouter{{"app1", "atoll", app1}, {"app2", "atoll", app2}}
	change := func(seen map[string]Observation, key string, how func(one *Observation)) {
		one := seen[key]
		how(&one)
		seen[key] = one
	}
	at := func(seen map[string]Observation, key string, users ...string) {
		change(seen, key, func(one *Observation) { one.Sessions = users })
	}
	nothing := func(map[string]Observation) {}
	for _, row := range []struct {
		name     string
		declared []DeclaredRouter
		change   func(seen map[string]Observation)
		want     []provision.Operation
		drift    []string
	}{
		{"nothing is declared", nil, nothing, nil, nil},
		{"one that nobody declares", both, nothing, []provision.Operation{DropRouter{"old", "system", own}}, []string{"router old::system: is not declared"}},
		{"by its label it is declared", append(both, DeclaredRouter{"OLD", "system", ""}), nothing, nil, nil},
		{"it is at work", both, func(seen map[string]Observation) { at(seen, "c", "root", own) }, nil, []string{"router old::system: is not declared, and has a session open on c: stop it, or declare it"}},
		{"it was there a moment ago", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) { one.Now, one.Routers[2].Seen = 2000, 1101 })
		}, nil, []string{"router old::system: is not declared, and was there within the last quarter of an hour: stop it, or declare it"}},
		{"it was there long ago", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) { one.Now, one.Routers[2].Seen = 2000, 1100 })
		}, []provision.Operation{DropRouter{"old", "system", own}}, []string{"router old::system: is not declared"}},
		{"a member cannot be asked", both, func(seen map[string]Observation) { seen["c"] = Observation{Unit: "inactive"} }, nil, []string{
			"c: the server does not answer", "router old::system: is not declared, and may have a session open on c",
		}},
		{"a member is nobody's to ask", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) { one.Instances = append(one.Instances, InstanceRow{Address: "10.0.0.9:3306"}) })
		}, []provision.Operation{StrikeOff{"10.0.0.9:3306"}}, []string{
			"10.0.0.9:3306: in the cluster and not declared", "router old::system: is not declared, and may have a session open on 10.0.0.9:3306",
		}},
		{"none is declared", []DeclaredRouter{}, nothing, []provision.Operation{DropRouter{"app1", "atoll", app1}, DropRouter{"app2", "atoll", app2}, DropRouter{"old", "system", own}}, []string{
			"router app1::atoll: is not declared", "router app2::atoll: is not declared", "router old::system: is not declared",
		}},
		{"an account without a row", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) {
				one.Routers, one.RouterUsers = one.Routers[:1], append(one.RouterUsers, "mysql_router9_x00000000000", "mysql_router_10_0_0_9", "mysql_router_admin")
			})
			at(seen, "b", "mysql_router9_x00000000000")
		}, []provision.Operation{DropRouter{Account: own}, DropRouter{Account: "mysql_router_10_0_0_9"}}, []string{
			"account " + own + ": is not declared", "account mysql_router9_x00000000000: is not declared, and has a session open on b: stop it, or declare it", "account mysql_router_10_0_0_9: is not declared",
		}},
		{"its account may be somebody else's", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) {
				one.Routers[2].User, one.RouterUsers = "mysql_router_admin", []string{app1, app2, "mysql_router_admin"}
			})
		}, []provision.Operation{DropRouter{"old", "system", ""}}, []string{"router old::system: is not declared"}},
		{"its account is that of another, too", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) { one.Routers[1].User, one.RouterUsers = own, []string{app1, own} })
		}, []provision.Operation{DropRouter{"old", "system", ""}}, []string{"router old::system: is not declared"}},
		{"its account is gone", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) { one.RouterUsers = []string{app1, app2} })
		}, []provision.Operation{DropRouter{"old", "system", ""}}, []string{"router old::system: is not declared"}},
		{"of another cluster", both, func(seen map[string]Observation) {
			change(seen, "a", func(one *Observation) { one.Routers[2].Cluster = "" })
		}, nil, nil},
	} {
		c := three()
		c.Options.Routers = row.declared
		seen := standing(c)
		for key := range seen {
			change(seen, key, func(one *Observation) { one.Routers, one.RouterUsers = rows(), []string{app1, app2, own} })
		}
		row.change(seen)
		d := Diagnose(c, seen)
		operations, err := d.Operations()
		var lines []string
		for _, line := range d.Drift() {
			if line.Subject != "cluster main" {
				lines = append(lines, line.String())
			}
		}
		if diff := cmp.Diff(row.want, operations) + cmp.Diff(row.drift, lines); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", row.name, err, diff)
		}
	}
}

// What an apply leaves as it is ends it as what it is: done.
func TestRouterAtWorkIsNoFailure(t *testing.T) {
	c := three()
	c.Options.Routers = []DeclaredRouter{}
	seen := standing(c)
	for key, one := range seen {
		one.Routers, one.Sessions = []Router{{Cluster: "id", Address: "app1", Name: "atoll", User: "mysql_router_app1"}}, []string{"mysql_router_app1"}
		seen[key] = one
	}
	d := Diagnose(c, seen)
	if err := notAsDeclared(d); err != nil || len(d.AtWork()) != 1 || !strings.HasPrefix(d.AtWork()[0], "router app1::atoll: ") {
		t.Errorf("%v, %q", err, d.AtWork())
	}
	c.Options.ExpelTimeout++
	if err := notAsDeclared(Diagnose(c, seen)); !errors.Is(err, ErrNotAsDeclared) {
		t.Errorf("with another finding: %v", err)
	}
}
