// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func TestOperations(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(c *Cluster, seen map[string]Observation)
		from   func(Cluster) map[string]Observation
		want   []string
		drift  []string
	}{
		{"as declared", func(*Cluster, map[string]Observation) {}, standing, nil, nil},
		{"new and empty", func(*Cluster, map[string]Observation) {}, func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"bootstrap the group on a"}, nil},
		{"the server with data goes first", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Executed, one.Schemas = "x:1-3", []string{"shop"}
			seen["b"] = one
		},
			func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"bootstrap the group on b"}, nil},
		{"data that never met a binary log count too", func(_ *Cluster, seen map[string]Observation) {
			one := seen["c"]
			one.Schemas = []string{"shop"}
			seen["c"] = one
		},
			func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"bootstrap the group on c"}, nil},
		{"machines of one image", func(_ *Cluster, seen map[string]Observation) {
			for key, one := range seen {
				one.UUID = "same"
				seen[key] = one
			}
		}, func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"give a UUID of its own to b", "give a UUID of its own to c", "bootstrap the group on a"}, nil},
		{"killed before the metadata", func(c *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Clusters, one.Instances, one.View = nil, nil, one.View[:1]
			seen["a"], seen["b"], seen["c"] = one, fresh(*c, "b"), fresh(*c, "c")
		}, standing, []string{"write the cluster metadata on a", "join b", "join c"}, nil},
		{"a member stopped", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
		}, standing, []string{"join b"}, []string{"cluster main: PARTIAL: 2 of 3 members are ONLINE, a takes writes, b is OFFLINE; apply will join b", "b: OFFLINE, want ONLINE"}},
		{"a member on its way in", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View, alone.Starting = nil, true
			outOf(seen, "b", alone)
		}, standing, []string{"wait for b"}, []string{"cluster main: PARTIAL: 2 of 3 members are ONLINE, a takes writes, b is OFFLINE; apply will wait for b", "b: OFFLINE, want ONLINE"}},
		{"a new member", func(c *Cluster, seen map[string]Observation) { outOf(seen, "c", fresh(*c, "c")) }, standing, []string{"join c"}, nil},
		{"a new member, and the logs are gone", func(c *Cluster, seen map[string]Observation) {
			outOf(seen, "c", fresh(*c, "c"))
			one := seen["a"]
			one.Purged = groupName + ":1-4"
			seen["a"] = one
		}, standing, []string{"join c by clone"}, nil},
		{"a new member with a history of its own image", func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "c")
			alone.Executed = "image:1-3"
			outOf(seen, "c", alone)
			one := seen["a"]
			one.Executed += ",image:1-3"
			seen["a"] = one
		}, standing, []string{"join c by clone"}, nil},
		{"a new member beside data of unknown origin", func(c *Cluster, seen map[string]Observation) {
			outOf(seen, "c", fresh(*c, "c"))
			one := seen["a"]
			one.Schemas = []string{"shop"}
			seen["a"] = one
		}, standing, []string{"join c by clone"}, nil},
		{"a member replicates from elsewhere, as others wanted it", replicates("a", "ON"), standing, nil, nil},
		{"such a member stopped", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
			replicates("b", "OFF")(c, seen)
		}, standing, []string{"join b"}, nil},
		{"a variable", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Variables["group_replication_member_expel_timeout"] = "9"
		}, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_member_expel_timeout: is 9, want 5"}},
		{"the bootstrap flag left on", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Variables["group_replication_bootstrap_group"] = "ON"
		}, standing,
			[]string{"set variables of a"}, []string{"a: variable group_replication_bootstrap_group: is ON, want OFF"}},
		{"a firewall drops what is new", func(_ *Cluster, seen map[string]Observation) {
			dial(seen, "b", reach.Reach{"a": true, "c": false})
		}, standing, nil, []string{"b → c: no new connection to 10.0.0.3:3306. Those that are open go on, and after a restart or the loss of another member these two do not find each other. Look on both machines for a firewall rule that drops the port"}},
		{"a machine that has no server", func(_ *Cluster, seen map[string]Observation) {
			dial(seen, "b", reach.Reach{"a": true, "c": true, "d": false})
		}, standing, nil, nil},
		{"a row is missing", func(_ *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Instances = one.Instances[:2]
			seen["a"] = one
		}, standing,
			[]string{"register c"}, []string{"c: row in the cluster metadata: missing or differs"}},
		{"the donor's account after a clone", func(c *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.RecoveryUser = c.Members["a"].Account()
			seen["b"] = one
		}, standing,
			[]string{"renew the recovery account of b"}, []string{`b: recovery account: is "mysql_innodb_cluster_1", want mysql_innodb_cluster_2`}},
		{"an account is dropped", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Accounts, one.Login = one.Accounts[:1], "ERROR 1045 (28000): Access denied"
			seen["b"] = one
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: missing"}},
		{"an account lacks a grant", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.Grants = a.Grants[1:] })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: lacks BACKUP_ADMIN"}},
		{"an account is locked", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.Locked = true })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: is locked"}},
		{"an account is let in without TLS", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.TLS = false })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: is let in without TLS"}},
		{"an account authenticates otherwise", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.Plugin = "sha256_password" })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: authenticates by sha256_password, want caching_sha2_password"}},
		{"an account has another password", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Login = "ERROR 1045 (28000): Access denied"
			seen["b"] = one
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: it cannot log in: ERROR 1045 (28000): Access denied"}},
		{"a packet filter drops the port on the machine itself", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Login = "ERROR 2003 (HY000): Can't connect to MySQL server on '10.0.0.2:3306' (110)"
			seen["b"] = one
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: nobody answers where it logs in: ERROR 2003 (HY000): Can't connect to MySQL server on '10.0.0.2:3306' (110). See that the mesh is up on the machine, and that no firewall there drops the port"}},
		{"a joiner that left another cluster", func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "c")
			alone.Clusters, alone.Instances = []ClusterRow{{Name: "theirs"}}, []InstanceRow{{UUID: "uuid-of-another"}}
			outOf(seen, "c", alone)
		}, standing, []string{"erase what another cluster left on c"}, []string{"cluster main: PARTIAL: 2 of 3 members are ONLINE, a takes writes, c is MISSING; apply will erase what another cluster left on c", "c: MISSING, want ONLINE"}},
		{"the first of a new cluster left another one", func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "a")
			alone.Clusters, alone.Instances = []ClusterRow{{Name: "theirs"}}, []InstanceRow{{UUID: "uuid-a"}}
			alone.Variables["group_replication_start_on_boot"] = "OFF"
			seen["a"] = alone
		}, func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"erase what another cluster left on a"}, nil},
		{"not declared any more", func(c *Cluster, seen map[string]Observation) { leave(c, seen, "c") }, standing, []string{"take out 10.0.0.3:3306"}, nil},
		{"the primary is not declared any more", func(c *Cluster, seen map[string]Observation) { leave(c, seen, "a") }, standing, []string{"take out 10.0.0.1:3306"}, nil},
		{"two are not declared any more: one goes, then they are asked again", func(c *Cluster, seen map[string]Observation) {
			leave(c, seen, "b")
			leave(c, seen, "c")
			set(seen["a"], "group_replication_group_seeds", c.seeds("a"))
		}, standing, []string{"take out 10.0.0.2:3306"}, []string{"10.0.0.2:3306: in the cluster and not declared", "10.0.0.3:3306: in the cluster and not declared"}},
		{"all keys renamed", func(c *Cluster, seen map[string]Observation) {
			for key, to := range map[string]string{"a": "z", "b": "y", "c": "x"} {
				c.Members[to], seen[to] = c.Members[key], seen[key]
				delete(c.Members, key)
				delete(seen, key)
			}
		}, standing, nil, nil},
		{"newcomers first", func(c *Cluster, seen map[string]Observation) {
			leave(c, seen, "c")
			c.Members["d"] = Member{"10.0.0.4", 3306, 4}
			seen["d"] = fresh(*c, "d")
		}, standing, []string{"set variables of a", "set variables of b", "join d"}, nil},
		{"gone for good", func(c *Cluster, seen map[string]Observation) {
			outOf(seen, "c", Observation{})
			delete(seen, "c")
			delete(c.Members, "c")
			for _, key := range c.keys() {
				set(seen[key], "group_replication_group_seeds", c.seeds(key))
			}
		}, standing, []string{"strike off 10.0.0.3:3306"}, nil},
		{"an account of nobody", func(_ *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Accounts = append(one.Accounts, good("mysql_innodb_cluster_99"))
			seen["a"] = one
		}, standing,
			[]string{"drop account mysql_innodb_cluster_99"}, []string{"account mysql_innodb_cluster_99: belongs to no member"}},
		{"seeds in another order", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Variables["group_replication_group_seeds"] = "10.0.0.3:3306, 10.0.0.2:3306"
		}, standing, nil, []string{}},
		{"a read replica of others", func(_ *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Instances = append(one.Instances, InstanceRow{Address: "10.0.0.9:3306", UUID: "uuid-r", Type: "read-replica"})
			seen["a"] = one
		}, standing, nil, []string{}},
		{"a variable that was persisted by hand", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Persisted[weightVariable], one.Persisted["group_replication_view_change_uuid"] = "90", "AUTOMATIC"
			seen["b"] = one
		}, standing, []string{"take back group_replication_member_weight of b"}, []string{"b: variable group_replication_member_weight: 90 was persisted by hand"}},
		{"a variable that the next start would bring otherwise", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Persisted["group_replication_member_expel_timeout"] = "3000"
		}, standing, []string{"set variables of b"}, []string{"b: variable group_replication_member_expel_timeout: is 3000 at the next start, want 5"}},
		{"variables that the next start would not know of", func(_ *Cluster, seen map[string]Observation) {
			delete(seen["b"].Persisted, "group_replication_group_seeds")
			delete(seen["b"].Persisted, localVariable)
		}, standing, []string{"set variables of b"}, []string{"b: not persisted for the next start: group_replication_local_address, group_replication_group_seeds"}},
		{"another address at the next start", func(_ *Cluster, seen map[string]Observation) { set(seen["b"], localVariable, "10.0.0.2:9999") }, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_local_address: is 10.0.0.2:9999, want 10.0.0.2:3306"}},
		{"another mode at the next start", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Persisted["group_replication_single_primary_mode"] = "OFF"
		}, standing, []string{"set variables of b"}, []string{"b: variable group_replication_single_primary_mode: is OFF at the next start, want ON"}},
		{"another stack at the next start", func(_ *Cluster, seen map[string]Observation) { set(seen["b"], stackVariable, "XCOM") }, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_communication_stack: is XCOM, want MYSQL"}},
		{"the flag that makes second groups, at each start", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Persisted["group_replication_bootstrap_group"] = "ON"
		}, standing, []string{"take back group_replication_bootstrap_group of b"}, []string{"b: variable group_replication_bootstrap_group: ON was persisted by hand"}},
		{"one leads alone, and nothing is declared", func(_ *Cluster, seen map[string]Observation) { oneLeads(seen) }, standing, nil, nil},
		{"one leads alone, and a member would not at its next start", func(_ *Cluster, seen map[string]Observation) {
			oneLeads(seen)
			set(seen["b"], leaderVariable, "OFF")
		}, standing, []string{"set variables of b"}, []string{"b: variable group_replication_paxos_single_leader: is OFF, want ON"}},
		{"one is to lead alone, and a stop is allowed", func(c *Cluster, _ map[string]Observation) {
			c.Options.SingleLeader, c.Options.AllowFullStop = "ON", true
		}, standing, []string{"stop the group on b", "stop the group on c", "stop the group on a"}, nil},
		{"the recovery accounts are let in from one network", func(c *Cluster, seen map[string]Observation) {
			allowedFrom(c, seen, "10.0.0.%")
		}, standing, nil, []string{}},
		{"an account is let in from elsewhere than the others", func(c *Cluster, seen map[string]Observation) {
			allowedFrom(c, seen, "10.0.0.%")
			accountOf(seen, func(a *Account) { a.Host = "%" })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: missing"}},
		{"a member is to be hidden, and another one is", func(c *Cluster, seen map[string]Observation) {
			c.Options.Hidden = []string{"b"}
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, []string{"hide b from routers", "show c to routers"}, []string{"b: is used by routers, want hidden from them", "c: is hidden from routers, want used by them"}},
		{"one is to be drained, and one not any more", func(c *Cluster, seen map[string]Observation) {
			c.Options.Draining = []string{"b"}
			seen["a"].Instances[2].Attributes.Tags.Hidden, seen["a"].Instances[2].Attributes.Tags.Disconnect = true, false
		}, standing, []string{"let routers drain b", "show c to routers"}, []string{"b: is used by routers, want hidden from them", "c: is hidden from routers, want used by them"}},
		{"one is drained and is to be hidden, another the other way round", func(c *Cluster, seen map[string]Observation) {
			c.Options.Hidden, c.Options.Draining = []string{"b"}, []string{"c"}
			seen["a"].Instances[1].Attributes.Tags.Hidden, seen["a"].Instances[1].Attributes.Tags.Disconnect = true, false
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, []string{"hide b from routers", "let routers drain c"}, []string{"b: keeps its sessions while it is hidden, want that it loses them", "c: loses its sessions while it is hidden, want that it keeps them"}},
		{"who is drained is declared, and others hid one", func(c *Cluster, seen map[string]Observation) {
			c.Options.Draining = []string{}
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, nil, []string{}},
		{"a member is hidden by others, and nothing is declared", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, nil, []string{}},
		{"what routers are told is declared", func(c *Cluster, seen map[string]Observation) {
			c.Options.Routing = &RoutingOptions{ReadOnlyTargets: "all", Tags: map[string]string{"team": "shop"}}
			seen["a"].Clusters[0].RouterOptions = map[string]json.RawMessage{"tags": json.RawMessage(`{}`), "read_only_targets": json.RawMessage(`"secondaries"`)}
		}, standing, []string{"write the routing options on a"}, []string{
			`cluster metadata: routing option read_only_targets is "secondaries", want "all"`, `cluster metadata: routing option tags is {}, want {"team":"shop"}`,
		}},
		{"what routers are told is not declared", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Clusters[0].RouterOptions = map[string]json.RawMessage{"read_only_targets": json.RawMessage(`"all"`)}
		}, standing, nil, []string{}},
		{"another primary is declared", func(c *Cluster, _ map[string]Observation) { c.Options.Primary = "b" }, standing,
			[]string{"hand the primary's role over to b"}, []string{"primary: is a, want b"}},
		{"another primary is declared, and something else comes first", func(c *Cluster, seen map[string]Observation) {
			c.Options.Primary = "b"
			seen["b"].Variables["group_replication_consistency"] = "AFTER"
		}, standing, []string{"set variables of b"}, nil},
		{"the declared primary is away", func(c *Cluster, seen map[string]Observation) {
			c.Options.Primary = "b"
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
		}, standing, []string{"join b"}, nil},
		{"every member takes writes", func(_ *Cluster, seen map[string]Observation) { manyPrimaries(seen) }, standing,
			[]string{"leave the writes of a multi-primary group to a"}, []string{"group: runs in multi-primary mode, want single-primary", "cluster metadata: says multi-primary, want single-primary"}},
		{"every member takes writes, and one is out", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
			manyPrimaries(seen)
		}, standing, []string{"leave the writes of a multi-primary group to a"}, nil},
		{"one member takes writes, and all should", func(c *Cluster, _ map[string]Observation) { c.Options.MultiPrimary = true }, standing,
			[]string{"let every member take writes, beside a"}, []string{
				"group: runs in single-primary mode, want multi-primary",
				"a: variable auto_increment_increment: is 1, want 7",
				"b: variable auto_increment_increment: is 1, want 7", "b: variable auto_increment_offset: is 2, want 3",
				"c: variable auto_increment_increment: is 1, want 7", "c: variable auto_increment_offset: is 2, want 4",
				"cluster metadata: says single-primary, want multi-primary"}},
		{"one member takes writes, all should, and one comes back", func(c *Cluster, seen map[string]Observation) {
			c.Options.MultiPrimary = true
			for _, one := range seen {
				one.View[2].State = "RECOVERING"
			}
		}, standing, nil, nil},
		{"all take writes as declared", func(c *Cluster, seen map[string]Observation) {
			multiPrimary(c, seen)
		}, standing, nil, nil},
		{"all take writes as declared, and a declared primary is none", func(c *Cluster, seen map[string]Observation) {
			c.Options.Primary = "c"
			multiPrimary(c, seen)
		}, standing, nil, nil},
		{"another weight", func(c *Cluster, _ map[string]Observation) { c.Options.Weights = map[string]int64{"b": 70} }, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_member_weight: is , want 70"}},
		{"the declared weight", func(c *Cluster, seen map[string]Observation) {
			c.Options.Weights = map[string]int64{"b": 70}
			set(seen["b"], weightVariable, "70")
		}, standing, nil, nil},
		{"a weight by hand beside a declared one", func(c *Cluster, seen map[string]Observation) {
			c.Options.Weights = map[string]int64{"b": 50}
			seen["a"].Persisted[weightVariable] = "60"
			set(seen["b"], weightVariable, "50")
		}, standing, []string{"take back group_replication_member_weight of a"}, []string{"a: variable group_replication_member_weight: 60 was persisted by hand"}},
		{"another stack, and a stop is allowed", func(c *Cluster, seen map[string]Observation) {
			c.Options.AllowFullStop = true
			otherStack(seen)
			seen["b"].Variables["group_replication_consistency"] = "AFTER"
		}, standing, []string{"stop the group on b", "stop the group on c", "stop the group on a"}, nil},
		{"another stack, and a stop was killed", func(c *Cluster, seen map[string]Observation) {
			c.Options.AllowFullStop = true
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
			otherStack(seen)
		}, standing, []string{"stop the group on c", "stop the group on a"}, nil},
		{"two are gone for good, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}, Observation{Err: &remote.Error{Kind: remote.ErrLost}}
		}, cameBack("b", "c"), []string{"go on from a with 10.0.0.1:3306 alone"}, nil},
		{"two are gone for good, the third gave up, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}, Observation{Err: &remote.Error{Kind: remote.ErrLost}}
		}, func(c Cluster) map[string]Observation { return fell(standing(c), "a") }, []string{"reboot the group from a"}, nil},
		{"two are gone for good, the third booted, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}, Observation{Err: &remote.Error{Kind: remote.ErrLost}}
		}, func(c Cluster) map[string]Observation { return down(standing(c), "a") }, []string{"reboot the group from a"}, nil},
		{"two are gone for good and not declared any more, the third gave up, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			delete(c.Members, "b")
			delete(c.Members, "c")
			delete(seen, "b")
			delete(seen, "c")
		}, func(c Cluster) map[string]Observation { return fell(standing(c), "a") }, []string{"reboot the group from a"}, nil},
		{"one is gone for good, one gave up, one still waits, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a", "b"}
			seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}
		}, func(c Cluster) map[string]Observation { return fell(cut(standing(c), "a", "b"), "b") }, []string{"stop the group on a"}, nil},
		{"all were down, one is ahead", func(_ *Cluster, seen map[string]Observation) {
			for key, one := range seen {
				one.View = nil
				if key == "b" {
					one.Received = groupName + ":10-12"
				}
				seen[key] = one
			}
		}, standing, []string{"reboot the group from b"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := three()
			seen := row.from(c)
			row.change(&c, seen)
			operations, err := Diagnose(c, seen).Operations()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, operation := range operations {
				got = append(got, operation.String())
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("operations:\n%s", diff)
			}
			if row.drift != nil {
				if diff := cmp.Diff(row.drift, converge.Texts(Diagnose(c, seen).Drift())); diff != "" {
					t.Errorf("drift:\n%s", diff)
				}
			}
		})
	}
}
