// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A router whose account got another password is told of while its old sessions go on, and
// nobody is suspected of whom nothing is known.
func TestAccountThatIsAnotherOne(t *testing.T) {
	c := config()
	noted, other := sum("noted"), sum("other")
	of := func(sums ...string) innodbcluster.RouterSums {
		return innodbcluster.RouterSums{c.Account(): sums, "mysql_router_203_0_113_22": {other}}
	}
	silent := converge.Line{Subject: "port 6446", Code: converge.CodeSilent, Text: "nothing listens"}
	unit := converge.Line{Subject: "unit mysqlrouter.service", Code: converge.CodeInactive, Text: "activating, want active"}
	for _, row := range []struct {
		name  string
		noted string
		said  []innodbcluster.RouterSums
		drift []converge.Line
		want  []converge.Line
	}{
		{"as it was", noted, []innodbcluster.RouterSums{of(noted)}, []converge.Line{silent}, []converge.Line{silent}},
		{"let in from two places", noted, []innodbcluster.RouterSums{of(other, noted)}, nil, nil},
		{"another password", noted, []innodbcluster.RouterSums{of(other)}, []converge.Line{unit, silent}, []converge.Line{unit, refused}},
		{"gone", noted, []innodbcluster.RouterSums{of()}, nil, []converge.Line{refused}},
		{"two primaries, one of which lets it in", noted, []innodbcluster.RouterSums{of(other), of(noted)}, nil, nil},
		{"nobody is the primary", noted, nil, []converge.Line{unit}, []converge.Line{unit}},
		{"an older version noted nothing", "", []innodbcluster.RouterSums{of(other)}, []converge.Line{unit}, []converge.Line{unit}},
		{"it is said already", noted, []innodbcluster.RouterSums{of()}, []converge.Line{forgotten}, []converge.Line{forgotten}},
	} {
		if diff := cmp.Diff(row.want, c.Suspect(row.drift, Status{Account: row.noted}, row.said)); diff != "" {
			t.Errorf("%s:\n%s", row.name, diff)
		}
	}
}

// The primary's word decides whether a router that is whole on its machine is bootstrapped.
func TestRouterThatIsShutOut(t *testing.T) {
	answer := func(leads, of string) *machinetest.Machine {
		return machinetest.New(t, "leads\t"+leads+"\nsums\t[{\"user\": \""+config().Account()+"\", \"sum\": \""+of+"\"}]\nend\ttrue\n")
	}
	noted, other := sum("noted"), sum("other")
	for _, row := range []struct {
		name    string
		members map[string]remote.Host
		want    bool
	}{
		{"let in", map[string]remote.Host{"hk1": answer("true", noted), "hk2": answer("false", other)}, false},
		{"refused", map[string]remote.Host{"hk1": answer("true", other), "hk2": answer("false", noted)}, true},
		{"without a primary", map[string]remote.Host{"hk1": answer("false", other)}, false},
		{"garbled", map[string]remote.Host{"hk1": answer("true", "no sum")}, false},
		{"silent", map[string]remote.Host{"hk1": machinetest.New(t, "")}, false},
	} {
		if got := config().shutOut(t.Context(), Cluster{Hosts: row.members}, Status{Active: true, Account: noted}, nil); got != row.want {
			t.Errorf("%s: %t", row.name, got)
		}
	}
}

// What is noted is read again, before the settings say that the bootstrap is whole.
func TestAccountIsNoted(t *testing.T) {
	script := config().bootstrapScript("p", sum("noted"))
	note, stamp := strings.Index(script, config().account()+".new"), strings.Index(script, config().stamp()+".new")
	if note < 0 || stamp < note || !strings.Contains(script, sum("noted")) {
		t.Errorf("the script is\n%s", script)
	}
	row := "version none\nstamp none\nconf none\nwritten none\nkeyring none none\nstate none\nmembers none\naccount " + sum("noted") + "\nactive inactive\n" + converge.WholeMark + "\n"
	if status, err := readStatus(row); err != nil || status.Account != sum("noted") {
		t.Errorf("%+v, %v", status, err)
	}
}
