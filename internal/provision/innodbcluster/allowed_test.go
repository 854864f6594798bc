// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

const network = "10.0.0.0/255.255.255.0"

// meshed lets every server say which network the mesh has.
func meshed(c *Cluster, seen map[string]Observation, cidr string) {
	c.Mesh = "site"
	for key, one := range seen {
		one.Networks = map[string]string{"site": cidr, "other": "192.168.0.0/16"}
		seen[key] = one
	}
}

// beside gives each member's account, or only those of some, a twin.
func beside(seen map[string]Observation, host string, users ...string) {
	for key, one := range seen {
		for _, account := range slices.Clone(one.Accounts) {
			if len(users) == 0 || slices.Contains(users, account.User) {
				account.Host = host
				one.Accounts = append(one.Accounts, account)
			}
		}
		seen[key] = one
	}
}

func TestAccountsAreLimited(t *testing.T) {
	limit := []string{"let accounts in from " + network + " only"}
	anywhereLine := "recovery accounts: are let in from %, want " + network
	for name, row := range map[string]struct {
		change      func(c *Cluster, seen map[string]Observation)
		want, drift []string
	}{
		"no mesh is declared":         {func(*Cluster, map[string]Observation) {}, nil, nil},
		"a mesh whose network nobody": {func(c *Cluster, _ map[string]Observation) { c.Mesh = "site" }, nil, nil},
		"from anywhere":               {func(c *Cluster, seen map[string]Observation) { meshed(c, seen, "10.0.0.0/24") }, limit, []string{anywhereLine}},
		"killed after the twins were made": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			beside(seen, network)
		}, limit, []string{anywhereLine}},
		"limited, and the former ones are there": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			allowedFrom(c, seen, network)
			beside(seen, "%", "mysql_innodb_cluster_2")
		}, []string{"drop account mysql_innodb_cluster_2@%"}, []string{"b: recovery account mysql_innodb_cluster_2: is let in from %, too"}},
		"a former one stays while its member is not let in by the other": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			allowedFrom(c, seen, network)
			beside(seen, "%", "mysql_innodb_cluster_2")
			one := seen["b"]
			one.Login = "ERROR 1045 (28000): Access denied"
			seen["b"] = one
		}, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: it cannot log in: ERROR 1045 (28000): Access denied"}},
		"limited": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			allowedFrom(c, seen, network)
		}, nil, nil},
		"limited more closely, by MySQL Shell": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			allowedFrom(c, seen, "10.0.0.0/29")
		}, nil, nil},
		"a router of ours is let in from anywhere": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			allowedFrom(c, seen, network)
			one := seen["a"]
			one.RouterAccounts = []Account{{User: "mysql_router_x", Host: "%"}, {User: "mysql_router_y", Host: network}}
			seen["a"] = one
		}, limit, []string{"account mysql_router_x: is let in from %, want " + network}},
		"the mesh has become wider, and all are let in": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/16")
			allowedFrom(c, seen, network)
		}, nil, nil},
		"the mesh has moved": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			allowedFrom(c, seen, "10.9.0.0/255.255.255.0")
		}, limit, []string{"recovery accounts: are let in from 10.9.0.0/255.255.255.0, want " + network}},
		"a member is to be outside of the mesh": {func(c *Cluster, seen map[string]Observation) {
			allowedFrom(c, seen, network)
			c.Mesh = ""
			c.Leavers["10.5.0.9:3306"] = Member{Address: "10.5.0.9", Port: 3306, ServerID: 9}
		}, []string{"let accounts in from % only"}, []string{"recovery accounts: are let in from " + network + ", want %"}},
		"the servers do not agree about the network": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			one := seen["b"]
			one.Networks = map[string]string{"site": "10.0.0.0/16"}
			seen["b"] = one
		}, nil, nil},
		"a stranger of the group is elsewhere": {func(c *Cluster, seen map[string]Observation) {
			meshed(c, seen, "10.0.0.0/24")
			for key, one := range seen {
				one.View = append(one.View, group.Member{ID: "uuid-z", Host: "10.5.0.9", Port: 3306, State: "RECOVERING", Role: "SECONDARY", Version: "9.7.4"})
				seen[key] = one
			}
			c.Leavers["10.5.0.9:3306"] = Member{Address: "10.5.0.9", Port: 3306, ServerID: 9}
			seen["10.5.0.9:3306"] = Observation{}
		}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := three()
			seen := standing(c)
			row.change(&c, seen)
			diagnosis := Diagnose(c, seen)
			operations, _ := diagnosis.Operations()
			var got, drift []string
			for _, operation := range operations {
				got = append(got, operation.String())
			}
			for _, finding := range diagnosis.Findings {
				if finding.Line.Code == CodeAccount {
					drift = append(drift, converge.Texts(provision.Drift([]provision.Finding{finding}))...)
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("operations:\n%s", diff)
			}
			if diff := cmp.Diff(row.drift, drift); diff != "" {
				t.Errorf("drift:\n%s", diff)
			}
		})
	}
}

func TestNewGroupIsLimited(t *testing.T) {
	c := three()
	seen := all(c, fresh)
	meshed(&c, seen, "10.0.0.0/24")
	if got := Diagnose(c, seen).allowedHost; got != network {
		t.Errorf("it is let in from %q, want %q", got, network)
	}
}

func TestWhoIsLetIn(t *testing.T) {
	for _, row := range []struct {
		host, address string
		want          bool
	}{
		{"%", "10.77.0.11", true},
		{"10.77.0.0/24", "10.77.0.11", true}, {"10.77.0.0/24", "10.77.1.11", false},
		{"10.77.0.0/255.255.255.0", "10.77.0.11", true}, {"10.77.0.0/255.255.255.0", "10.77.1.11", false},
		{"10.77.16.0/255.255.240.0", "10.77.31.11", true}, {"10.77.16.0/255.255.240.0", "10.77.32.11", false},
		{"10.77.0.5/255.255.255.0", "10.77.0.5", false}, // MySQL compares the network's bits with all of the base
		{"10.77.0.%", "10.77.0.11", true}, {"10.77.1.%", "10.77.0.11", false}, {"10.77.0.1_", "10.77.0.11", true}, {"10.77.0.1_", "10.77.0.1", false},
		{"10.77.0.11", "10.77.0.11", true}, {"10.77.0.11", "10.77.0.12", false},
		{"%.example.com", "10.77.0.11", true}, {"10.77.0.11", "db1.example.com", true},
		{"10.77.0.0/odd", "10.77.0.11", false}, {"", "10.77.0.11", false},
	} {
		if got := letsIn(row.host, []string{row.address}); got != row.want {
			t.Errorf("%s lets in %s: %t", row.host, row.address, got)
		}
	}
}

func TestNetworkAsMySQLWritesIt(t *testing.T) {
	for cidr, want := range map[string]string{
		"10.77.0.0/24": "10.77.0.0/255.255.255.0", "10.77.16.0/20": "10.77.16.0/255.255.240.0", "10.77.0.9/24": "10.77.0.0/255.255.255.0",
		"10.77.0.9/32": "10.77.0.9/255.255.255.255", "fd00::/64": "", "": "", "site": "",
	} {
		if got := masked(cidr); got != want {
			t.Errorf("%q: %q, want %q", cidr, got, want)
		}
	}
}

func TestLackingTwins(t *testing.T) {
	accounts := []copyAccount{{"a", "%", "A"}, {"b", "%", "B"}, {"b", network, "C"}, {"c", "%", "D"}, {"c", "10.9.0.0/255.255.0.0", "E"}}
	want := []copyAccount{{"a", network, "A"}, {"c", network, "E"}}
	if diff := cmp.Diff(want, lacking(accounts, network), cmp.AllowUnexported(copyAccount{})); diff != "" {
		t.Error(diff)
	}
	if got := (DropAccount{"a", "%"}); !slices.Equal(dropStatements([]Account{{User: "a", Host: "%"}, {User: "a", Host: network}}, got), []string{"DROP USER IF EXISTS 'a'@'%'"}) {
		t.Error("it drops others than that of the host")
	}
}
