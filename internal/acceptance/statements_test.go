// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// firstStatement is the statement after which each work is ended first: a run that was
// cut goes on there, with -test.run for the work.
const firstStatement = "ATOLL_STATEMENT"

// work is something that an apply does to a cluster.
type work struct {
	name string
	// begin brings the site to where there is this to do; nil where it is there.
	begin func()
	// cluster is what is declared then.
	cluster innodbcluster.Cluster
	// until is in the last statement of it; what follows is the work of another one. "" is
	// the whole.
	until string
}

// The work of an apply on a cluster ends after each statement that changes something,
// as by a kill, while an application writes: the next apply finishes it, no
// acknowledged write is lost, and but for a group that was stopped no two members are
// out at once.
//
// The work is an apply's, done by this process: what a kill leaves is what its
// connections have said.
func TestEndedAfterEachStatement(t *testing.T) {
	f := stand(t)
	k := f.killing()
	defer func() { _ = k.shop.DB.Close() }()
	whole := f.declaredCluster()
	fewer := whole
	fewer.Members, fewer.Leavers = maps.Clone(whole.Members), map[string]innodbcluster.Member{}
	leaver := whole.Members["sg1"]
	delete(fewer.Members, "sg1")
	fewer.Leavers[leaver.Endpoint()] = leaver
	cloned, newer := whole, whole
	cloned.Options.RecoveryMethod, newer.Options.MetadataVersion = "clone", "2.4.0"
	// A guardian would bring back what is stopped here.
	stopped := func() {
		for _, host := range databases {
			f.on(host, "systemctl stop atoll-guardian")
		}
	}
	for _, round := range [][]work{
		{{name: "leave", cluster: fewer}, {name: "join", cluster: whole}},
		{{name: "rejoin", cluster: whole, begin: func() { stopped(); f.sql(f.secondary(), "STOP GROUP_REPLICATION") }}},
		{{name: "reboot", cluster: whole, until: "bootstrap_group = OFF", begin: func() { stopped(); f.stopAll() }}},
		{{name: "upgrade", cluster: newer, begin: f.ageMetadata}},
		{{name: "join by clone", cluster: cloned, begin: func() { f.must(f.converge(fewer, nil)) }}},
	} {
		name, ran := round[len(round)-1].name, false
		t.Run(name, func(t *testing.T) { ran = true; k.afterEach(f.within(t), round) })
		if !ran {
			continue
		}
		for _, host := range databases {
			f.on(host, "systemctl start atoll-guardian")
		}
		f.apply()
		f.inSync()
		f.whole()
	}
	t.Log(k)
}

// afterEach does works one after another, ended after the first statement of each,
// then after the second, until none of them has so many.
func (k *killing) afterEach(f *fixture, works []work) {
	f.Helper()
	for count := often(f.T, firstStatement, 1); !f.Failed(); count++ {
		ended := false
		for _, one := range works {
			if k.endedAfter(f, one, &fate{left: count}) {
				ended = true
			}
		}
		if !ended {
			f.Logf("%s: %d statements", works[len(works)-1].name, count-1)
			return
		}
	}
}

// endedAfter does a work, ends it after so many statements, finishes it and looks what
// has become of the writes. It says whether there were so many.
//
// A server goes on with a clone without the one who began it, so that is ended a second
// time, in the middle.
func (k *killing) endedAfter(f *fixture, one work, end *fate) bool {
	f.Helper()
	writer := site.StartWriter(f.Context(), k.shop.DB)
	if one.begin != nil {
		one.begin()
	}
	count := end.left
	err := f.converge(one.cluster, end)
	last, ended := end.over()
	if ended == (err == nil) {
		f.Fatalf("%s after %d statements (%v): %v", one.name, count, ended, err)
	}
	if err := f.converge(one.cluster, nil); err != nil {
		f.Fatalf("%s, ended after %q, is not finished: %v", one.name, shortly(last), err)
	}
	at := writer.Count()
	f.eventually("writing on", time.Minute, func() bool { return writer.Count() > at+2 })
	report, err := writer.Stop(f.Context(), k.shop.DB)
	f.must(err)
	if report.Lost > 0 {
		f.Errorf("%s, ended after %q: %s", one.name, shortly(last), report)
	}
	for key := range one.cluster.Members {
		if got := f.sql(key, online); got != fmt.Sprint(len(one.cluster.Members)) {
			f.Errorf("%s, ended after %q: %s sees %s members", one.name, shortly(last), key, got)
		}
	}
	if beyond := end.said[:max(len(end.said)-1, 0)]; one.until != "" && slices.ContainsFunc(beyond, func(said string) bool { return strings.Contains(said, one.until) }) {
		return false
	}
	if ended {
		k.kills++
		k.byWay[one.name]++
	}
	k.acknowledged, k.lost = k.acknowledged+report.Acknowledged, k.lost+report.Lost
	k.stoodStill[one.name] = max(k.stoodStill[one.name], report.StoodStill)
	f.Logf("%s, ended (%v, at once %v) after %d: %s: %s", one.name, ended, end.atOnce, count, shortly(last), report)
	if ended && !end.atOnce && strings.HasPrefix(last, "CLONE INSTANCE ") {
		k.endedAfter(f, one, &fate{left: count, atOnce: true})
	}
	return ended
}

// shortly is the beginning of a statement, where it names no secret.
func shortly(statement string) string {
	statement, _, _ = strings.Cut(flat(statement), " IDENTIFIED ")
	statement, _, _ = strings.Cut(statement, " SOURCE_PASSWORD")
	return statement[:min(len(statement), 90)]
}

// converge does the work of an apply on a cluster, to its end or its fate.
func (f *fixture) converge(cluster innodbcluster.Cluster, end *fate) error {
	f.Helper()
	pool, err := site.Machines(f.lab.Inventory)
	f.must(err)
	defer func() { _ = pool.Close() }()
	hosts := map[string]remote.Host{}
	add := func(key, name string) {
		host, err := site.Machine(pool, f.lab.Inventory, name)
		f.must(err)
		if hosts[key] = host; end != nil {
			hosts[key] = fated{host, end}
		}
	}
	for key := range cluster.Members {
		add(key, key)
	}
	for endpoint := range cluster.Leavers {
		add(endpoint, "sg1")
	}
	if end != nil {
		end.kill = func() { _ = pool.Close() }
	}
	ctx, cancel := context.WithTimeout(f.Context(), 10*time.Minute)
	defer cancel()
	_, err = innodbcluster.Converge(ctx, cluster, hosts)
	return err
}

// declaredCluster is the site's, as its resource declares it.
func (f *fixture) declaredCluster() innodbcluster.Cluster {
	f.Helper()
	var is struct {
		Name      string `json:"name"`
		ClusterID string `json:"cluster_id"`
		Members   map[string]struct {
			Address  string `json:"address"`
			Port     int    `json:"port"`
			ServerID int64  `json:"server_id"`
			Mesh     string `json:"mesh"`
		} `json:"members"`
		ExpelTimeout               int64  `json:"expel_timeout"`
		UnreachableMajorityTimeout int64  `json:"unreachable_majority_timeout"`
		AutorejoinTries            int64  `json:"autorejoin_tries"`
		Consistency                string `json:"consistency"`
		ExitStateAction            string `json:"exit_state_action"`
		TransactionSizeLimit       int64  `json:"transaction_size_limit"`
		RecoveryMethod             string `json:"recovery_method"`
	}
	f.must(f.terraform.Attributes(f.Context(), "atoll_mysql_cluster.main", &is))
	cluster := innodbcluster.Cluster{
		Name: is.Name, ID: is.ClusterID, Members: map[string]innodbcluster.Member{}, Leavers: map[string]innodbcluster.Member{},
		Options: innodbcluster.Options{
			ExpelTimeout: is.ExpelTimeout, UnreachableMajorityTimeout: is.UnreachableMajorityTimeout, AutorejoinTries: is.AutorejoinTries,
			Consistency: is.Consistency, ExitStateAction: is.ExitStateAction, TransactionSizeLimit: is.TransactionSizeLimit, RecoveryMethod: is.RecoveryMethod,
		},
	}
	for key, member := range is.Members {
		cluster.Members[key], cluster.Mesh = innodbcluster.Member{Address: member.Address, Port: member.Port, ServerID: member.ServerID}, member.Mesh
	}
	if len(cluster.Members) != len(databases) || cluster.Mesh == "" {
		f.Fatalf("the state has %+v", is)
	}
	return cluster
}

// stopAll takes all members out of their group, the primary last.
func (f *fixture) stopAll() {
	f.Helper()
	primary := f.primary()
	for _, host := range slices.Concat(slices.DeleteFunc(slices.Clone(databases), func(host string) bool { return host == primary }), []string{primary}) {
		f.sql(host, "STOP GROUP_REPLICATION")
	}
}
