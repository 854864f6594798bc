// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A member is the router's matter only where it takes part in the cluster, and no try
// reached it.
func TestMembersThatAreNotReached(t *testing.T) {
	cluster := innodbcluster.Cluster{Members: map[string]innodbcluster.Member{"hk1": {Address: "10.77.0.11", Port: 3306}, "sg1": {Address: "10.77.0.13", Port: 3307}}}
	open, closed := reach.Reach{"hk1": true, "sg1": true}, reach.Reach{"hk1": true, "sg1": false}
	line := "router → sg1: no new connection to 10.77.0.13:3307, which is ONLINE. Those that are open go on, and what connects through this router does not get to that member any more. Look on both machines for a firewall rule that drops the port"
	for _, row := range []struct {
		name, state string
		tries       []reach.Reach
		want        []string
	}{
		{"reached", "ONLINE", []reach.Reach{open}, []string{}},
		{"dropped", "ONLINE", []reach.Reach{closed, closed}, []string{line}},
		{"it came meanwhile", "ONLINE", []reach.Reach{closed, open}, []string{}},
		{"down", "OFFLINE", []reach.Reach{closed, closed}, []string{}},
		{"on its way out", "UNREACHABLE", []reach.Reach{closed, closed}, []string{}},
		{"nobody says how it is", "", []reach.Reach{closed, closed}, []string{}},
		{"its machine is lost", "ONLINE", []reach.Reach{{"hk1": true}}, []string{}},
	} {
		found := innodbcluster.Found{Diagnosis: innodbcluster.Diagnosis{Members: map[string]innodbcluster.Status{"hk1": {State: "ONLINE"}, "sg1": {State: row.state}}}}
		if diff := cmp.Diff(row.want, converge.Texts(unreached(cluster, found, row.tries...))); diff != "" {
			t.Errorf("%s:\n%s", row.name, diff)
		}
	}
}

// The ports are those of this machine: one that is open, and one that nobody opened. The
// members are asked only for the second.
func TestMembersAreDialled(t *testing.T) {
	port := func() (net.Listener, int) {
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		address, _ := listener.Addr().(*net.TCPAddr)
		return listener, address.Port
	}
	_, open := port()
	gone, closed := port()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	machine := machinetest.New(t, "")
	for _, row := range []struct {
		ports map[string]int
		want  []string
		asked int
	}{
		{map[string]int{"hk1": open, "hk2": open}, nil, 0},
		{map[string]int{"hk1": open, "hk2": closed}, []string{"router → hk2"}, 1},
		{map[string]int{}, nil, 0},
	} {
		cluster := Cluster{Cluster: innodbcluster.Cluster{Members: map[string]innodbcluster.Member{}}, Hosts: map[string]remote.Host{}}
		found, asked := innodbcluster.Found{Diagnosis: innodbcluster.Diagnosis{Members: map[string]innodbcluster.Status{}}}, 0
		for key, port := range row.ports {
			cluster.Cluster.Members[key], cluster.Hosts[key] = innodbcluster.Member{Address: "127.0.0.1", Port: port}, machine
			found.Members[key] = innodbcluster.Status{State: "ONLINE"}
		}
		lines, err := config().Unreached(t.Context(), machine, cluster, func() innodbcluster.Found { asked++; return found })
		var subjects []string
		for _, line := range lines {
			subjects = append(subjects, line.Subject)
		}
		if err != nil || !slices.Equal(subjects, row.want) || asked != row.asked {
			t.Errorf("%v: %q, the members were asked %d times, %v", row.ports, subjects, asked, err)
		}
	}
	if acts := machine.Acts(); len(acts) > 0 {
		t.Errorf("dialling did %q", acts)
	}
}
