// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// standing is a mesh of simulated machines.
type standing struct {
	network *remotetest.Network
	peers   map[string]*state
}

// stand makes the peers of a mesh; each reaches all that are in reached.
func stand(t *testing.T, names ...string) standing {
	t.Helper()
	var addresses []string
	reached := ""
	for i := range names {
		addresses = append(addresses, fmt.Sprintf("203.0.113.%d", 11+i))
		reached += fmt.Sprintf("10.77.0.%d\n", 11+i)
	}
	made := standing{machines(t, addresses...), map[string]*state{}}
	tf := start(t, made.network, object{})
	for i, name := range names {
		if err := made.network.Machines[addresses[i]].Write("/simulated/reached", reached); err != nil {
			t.Fatal(err)
		}
		made.peers[name] = tf.made("atoll_mesh_peer", nil, object{"ssh": sshTo(addresses[i]), "mesh": "site", "name": name, "address": fmt.Sprintf("10.77.0.%d", 11+i)})
	}
	return made
}

// mesh declares the mesh of some of the peers.
func (s standing) mesh(names ...string) object {
	peers := object{}
	for _, name := range names {
		peers[name] = s.peers[name].at("peer")
	}
	return object{"name": "site", "cidr": "10.77.0.0/24", "peers": peers}
}

// Links are those that were reached: never one to a machine that nobody asked.
func TestLinksAreThoseThatWereSeen(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2", "sg1")
	all := site.mesh("hk1", "hk2", "sg1")
	tf := start(t, site.network, object{})
	mesh := tf.made("atoll_mesh", nil, all)
	full := object{"hk1": []any{"hk2", "sg1"}, "hk2": []any{"hk1", "sg1"}, "sg1": []any{"hk1", "hk2"}}
	if diff := cmp.Diff(full, mesh.at("links")); diff != "" {
		t.Errorf("links after the apply:\n%s", diff)
	}
	mesh = tf.refreshed("atoll_mesh", mesh)
	if !tf.empty("atoll_mesh", mesh, all) {
		t.Errorf("the plan after an apply is not empty: %s", mesh.lines())
	}

	// One that does not answer keeps what was read of it, and a line says so.
	site.network.Machines["203.0.113.13"].Fail(&remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.13:22"})
	silent := tf.refreshed("atoll_mesh", mesh)
	if diff := cmp.Diff(full, silent.at("links")); diff != "" || !strings.Contains(silent.lines(), "sg1: unreachable: ") {
		t.Errorf("with sg1 silent: %s\n%s", silent.lines(), diff)
	}

	// Of one that is declared lost nothing is known, whether it is still declared
	// or not.
	for _, address := range []string{"203.0.113.11", "203.0.113.12"} {
		if err := site.network.Machines[address].Write("/simulated/reached", "10.77.0.11\n10.77.0.12\n"); err != nil {
			t.Fatal(err)
		}
	}
	tf = start(t, site.network, object{"lost": []any{"203.0.113.13"}})
	lost := tf.refreshed("atoll_mesh", mesh)
	left := object{"hk1": []any{"hk2"}, "hk2": []any{"hk1"}}
	if diff := cmp.Diff(left, lost.at("links")); diff != "" || !strings.Contains(lost.lines(), "sg1: 203.0.113.13 is declared lost") {
		t.Errorf("with sg1 lost: %s\n%s", lost.lines(), diff)
	}
	applied := tf.made("atoll_mesh", lost, all)
	if diff := cmp.Diff(left, applied.at("links")); diff != "" || !strings.Contains(applied.warnings, "Holds Lost Peers") {
		t.Errorf("applied with sg1 lost: %q\n%s", applied.warnings, diff)
	}
	without := site.mesh("hk1", "hk2")
	removed := tf.refreshed("atoll_mesh", tf.made("atoll_mesh", applied, without))
	if diff := cmp.Diff(left, removed.at("links")); diff != "" || !tf.empty("atoll_mesh", removed, without) {
		t.Errorf("without sg1: %s\n%s", removed.lines(), diff)
	}
}

// A relation leaves the state only when all its machines answered and none has
// anything of it.
func TestRelationIsGoneOnlyWhenAllSaySo(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2")
	tf := start(t, site.network, object{})
	config := site.mesh("hk1", "hk2")
	mesh := tf.made("atoll_mesh", nil, config)
	if problems := tf.destroy("atoll_mesh", mesh); problems != "" {
		t.Fatal(problems)
	}
	site.network.Machines["203.0.113.12"].Fail(&remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.12:22"})
	if kept := tf.refreshed("atoll_mesh", mesh); kept.value.IsNull() {
		t.Error("one machine is silent, and the mesh left the state")
	}
	site.network.Machines["203.0.113.12"].Fail(nil)
	if gone := tf.refreshed("atoll_mesh", mesh); !gone.value.IsNull() {
		t.Errorf("the mesh is on no machine and in the state: %s", gone.lines())
	}
}

// A relation is imported by its name, without contact; the first plan is an
// update by what is declared.
func TestImportOfARelation(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2")
	config := site.mesh("hk1", "hk2")
	tf := start(t, site.network, object{})
	made := tf.made("atoll_mesh", nil, config)
	ran := len(site.network.Machines["203.0.113.11"].Runs())
	found, problems := tf.find("atoll_mesh", "site")
	if problems != "" || found.at("name") != "site" || found.at("peers") != nil {
		t.Fatalf("%s: %v", problems, found.at("peers"))
	}
	if now := len(site.network.Machines["203.0.113.11"].Runs()); now != ran {
		t.Error("the import contacted a machine")
	}
	if problems := tf.destroy("atoll_mesh", found); !strings.Contains(problems, "Apply it once as it is declared, then destroy it") {
		t.Errorf("what is known by its name alone is taken from nobody, and that is said: %q", problems)
	}
	if again := tf.made("atoll_mesh", found, config); !again.value.Equal(made.value) {
		t.Errorf("after import and apply:\n%s\n%s", made.value, again.value)
	}
	for resource, name := range map[string]string{"atoll_mesh": "not a mesh", "atoll_mysql_cluster": "1 main"} {
		if _, problems := tf.find(resource, name); !strings.Contains(problems, "is not a name: it must") {
			t.Errorf("%s %q: %s", resource, name, problems)
		}
	}
	cluster, problems := tf.find("atoll_mysql_cluster", "main")
	if problems != "" || cluster.at("name") != "main" || cluster.at("members") != nil {
		t.Errorf("%s: %v", problems, cluster)
	}
}

// A pair whose port is closed talks through the others, until they go: every plan
// says so, and no apply fails for it. One that one side can dial is only told of.
func TestClosedPortsAreFoundBehindARelay(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2", "sg1")
	tf := start(t, site.network, object{})
	config := site.mesh("hk1", "hk2", "sg1")
	mesh := tf.made("atoll_mesh", nil, config)
	closed := func(from, to string) {
		t.Helper()
		if err := site.network.Machines[from].Write("/simulated/closed", to); err != nil {
			t.Fatal(err)
		}
	}

	closed("203.0.113.11", "203.0.113.13/655\n")
	oneWay := tf.refreshed("atoll_mesh", mesh)
	if !tf.empty("atoll_mesh", oneWay, config) || !strings.Contains(oneWay.warnings, "hk1 cannot dial sg1, which can dial it: TCP port 655 of 203.0.113.13") {
		t.Errorf("one way: %s, %q", oneWay.lines(), oneWay.warnings)
	}

	closed("203.0.113.13", "203.0.113.11/655\n")
	relayed := tf.refreshed("atoll_mesh", mesh)
	const line = "hk1 ↔ sg1: neither can dial the other, so only a link that still stands or other peers carry what they say, until those go: open TCP and UDP port 655 of both"
	if relayed.lines() != "["+line+"]" || tf.empty("atoll_mesh", relayed, config) {
		t.Errorf("closed: %s", relayed.lines())
	}
	applied := tf.made("atoll_mesh", relayed, config)
	if !strings.Contains(applied.warnings, "Has Closed Ports") || !strings.Contains(applied.warnings, line) {
		t.Errorf("the apply says %q", applied.warnings)
	}

	closed("203.0.113.11", "")
	closed("203.0.113.13", "")
	if open := tf.refreshed("atoll_mesh", applied); !tf.empty("atoll_mesh", open, config) || open.warnings != "" {
		t.Errorf("open again: %s, %q", open.lines(), open.warnings)
	}
}

// A network that a machine has otherwise is refused before anything is touched, and
// the route of the one that the mesh had before goes with the change.
func TestNetworkOfAMeshIsItsOwn(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2")
	machine := site.network.Machines["203.0.113.12"]
	routes := func(rows string) {
		t.Helper()
		if err := machine.Write("/simulated/routes", rows); err != nil {
			t.Fatal(err)
		}
	}
	tf := start(t, site.network, object{})
	config := site.mesh("hk1", "hk2")
	const lan = "default via 10.77.0.254 dev eth0\n10.77.0.0/16 dev eth0 proto kernel scope link src 10.77.0.9\n"
	const want = `peer "hk2": the network is not free: cidr = "10.77.0.0/24" overlaps 10.77.0.0/16, which this machine has on its interface eth0`
	routes(lan)
	if _, problems := tf.plan("atoll_mesh", nil, write(tf.kind("atoll_mesh"), config)); !strings.Contains(problems, want) {
		t.Errorf("the plan says %q", problems)
	}
	routes("default via 203.0.113.254 dev eth0\n10.0.0.0/8 via 203.0.113.253 dev eth0\n")
	mesh := tf.made("atoll_mesh", nil, config)
	routes(lan + "10.77.0.0/24 dev site scope link src 10.77.0.12\n")
	mesh = tf.refreshed("atoll_mesh", mesh)
	if !tf.empty("atoll_mesh", mesh, config) {
		t.Errorf("a network that came after the mesh: %s", mesh.lines())
	}

	routes("10.77.0.0/24 dev site scope link src 10.77.0.12\ndefault dev site scope link\n")
	mesh = tf.refreshed("atoll_mesh", mesh)
	if mesh.lines() != "[hk2: route default: leads into the mesh, whose network is 10.77.0.0/24]" {
		t.Errorf("a route of somebody's: %s", mesh.lines())
	}
	config["cidr"] = "10.77.0.0/20"
	mesh = tf.refreshed("atoll_mesh", tf.made("atoll_mesh", mesh, config))
	if !tf.empty("atoll_mesh", mesh, config) {
		t.Errorf("with another network: %s", mesh.lines())
	}
	if left, err := os.ReadFile(filepath.Join(machine.Root, "simulated", "routes")); err != nil || string(left) != "10.77.0.0/20 dev site src 10.77.0.12\n" {
		t.Errorf("routes that are left: %q, %v", left, err)
	}
}

// What tinc would not take as it is written is refused, and what a new name costs
// is told.
func TestPlanOfAMesh(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2")
	tf := start(t, site.network, object{})
	config := site.mesh("hk1", "hk2")
	mesh := tf.made("atoll_mesh", nil, config)
	peers := object{"hk1": with(site.peers["hk1"].at("peer"), "port", 1655), "hk2": site.peers["hk2"].at("peer")}
	config["peers"] = peers
	if planned, problems := tf.plan("atoll_mesh", mesh, write(tf.kind("atoll_mesh"), config)); problems != "" || planned.warnings != "" {
		t.Errorf("one new port: %q, %q", problems, planned.warnings)
	}
	peers["hk2"] = with(site.peers["hk2"].at("peer"), "port", 1655)
	if planned, problems := tf.plan("atoll_mesh", mesh, write(tf.kind("atoll_mesh"), config)); problems != "" || !strings.Contains(planned.warnings, "hk1, hk2 get another port in one apply") {
		t.Errorf("two new ports: %q, %q", problems, planned.warnings)
	}
	config = site.mesh("hk1", "hk2")
	config["ping_interval"], config["ping_timeout"] = 4, 5
	if _, problems := tf.plan("atoll_mesh", mesh, write(tf.kind("atoll_mesh"), config)); !strings.Contains(problems, "ping_timeout = 5 is longer than ping_interval = 4") {
		t.Errorf("a timeout that is longer than the interval: %q", problems)
	}
	config["ping_timeout"] = 4
	if planned, problems := tf.plan("atoll_mesh", mesh, write(tf.kind("atoll_mesh"), config)); problems != "" || planned.warnings != "" {
		t.Errorf("as long as the interval: %q, %q", problems, planned.warnings)
	}
	config["name"], config["peers"] = "lagoon", object{"hk1": with(site.peers["hk1"].at("peer"), "mesh", "lagoon")}
	if planned, problems := tf.plan("atoll_mesh", mesh, write(tf.kind("atoll_mesh"), config)); problems != "" || !strings.Contains(planned.warnings, `name was "site" and is to be "lagoon": all peers forget each other`) {
		t.Errorf("another name: %q, %q", problems, planned.warnings)
	}
}

// with is a peer's object with another value of one attribute.
func with(peer any, name string, value any) object {
	other := object{}
	for key, one := range peer.(object) {
		other[key] = one
	}
	other[name] = value
	return other
}

// A network that came to a machine after the plan is found by the apply, before it
// changes anything.
func TestNetworkThatCameAfterThePlan(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2")
	machine := site.network.Machines["203.0.113.12"]
	const later = "#!/bin/sh\ncase $* in\n  *'route show'*) [ ! -e \"$SIMULATED/planned\" ] || echo '10.77.0.0/16 dev eth0 scope link'; : >\"$SIMULATED/planned\" ;;\nesac\n"
	if err := machine.Program("ip", later); err != nil {
		t.Fatal(err)
	}
	tf := start(t, site.network, object{})
	_, problems := tf.apply("atoll_mesh", nil, site.mesh("hk1", "hk2"))
	if !strings.Contains(problems, `cidr = "10.77.0.0/24" overlaps 10.77.0.0/16, which this machine has on its interface eth0`) || !strings.Contains(problems, "peer hk2") {
		t.Errorf("the apply says %q", problems)
	}
	for _, name := range []string{"hosts/hk2", "network"} {
		if _, err := os.Stat(filepath.Join(site.network.Machines["203.0.113.11"].Root, "etc", "tinc", "site", name)); !os.IsNotExist(err) {
			t.Errorf("hk1 has %s already: %v", name, err)
		}
	}
}
