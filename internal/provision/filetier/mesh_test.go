// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// addresses are those of a machine, each behind the name of its interface.
func addresses(pairs ...string) map[string][]netip.Addr {
	all := map[string][]netip.Addr{}
	for pair := range slices.Chunk(pairs, 2) {
		all[pair[0]] = append(all[pair[0]], netip.MustParseAddr(pair[1]))
	}
	return all
}

// An address that the machine has not, and a mesh that is not there, are refused; what the
// machine did not tell is not.
func TestRefuseAddress(t *testing.T) {
	const loopback, outside = "127.0.0.1", "203.0.113.1"
	up := addresses("lo", loopback, "eth0", outside, "site", "10.77.0.31")
	down := addresses("lo", loopback, "eth0", outside)
	site := []string{"site"}
	for _, row := range []struct {
		name, unit, address string
		facts               Facts
		want                string
	}{
		{"as declared", "tinc@site.service", "10.77.0.31", Facts{Meshes: site, Addresses: up}, ""},
		{"another one", "tinc@site.service", "10.77.0.99", Facts{Meshes: site, Addresses: up},
			`node a: address = "10.77.0.99" is not an address of the machine: it has 10.77.0.31 in the mesh "site". Give that, best as the address of its atoll_mesh_peer`},
		{"another one beside two", "tinc@site.service", "10.77.0.99", Facts{Meshes: site, Addresses: addresses("site", "10.77.0.31", "site", "fd00::31", "site", "fe80::1")},
			`it has 10.77.0.31, fd00::31 in the mesh "site"`},
		{"on another interface", "tinc@site.service", outside, Facts{Meshes: site, Addresses: up}, ""},
		{"IPv4 within IPv6", "tinc@site.service", "::ffff:10.77.0.31", Facts{Meshes: site, Addresses: up}, ""},
		{"IPv6 in another spelling", "tinc@site.service", "fd00:0:0:0::0031", Facts{Meshes: site, Addresses: addresses("site", "fd00::31")}, ""},
		{"IPv6 of another machine", "tinc@site.service", "fd00::32", Facts{Meshes: site, Addresses: addresses("site", "fd00::31")}, `it has fd00::31 in the mesh "site"`},
		{"a name", "tinc@site.service", "sg1.example", Facts{Meshes: site, Addresses: up}, ""},
		{"a mesh by a wrong name", "tinc@sit.service", "10.77.0.31", Facts{Meshes: []string{"site", "lagoon"}, Addresses: up},
			`node a: mesh = "sit": there is no such mesh on the machine (it has "lagoon", "site"): give its name, best as atoll_mesh.NAME.id, or leave mesh out where the address is reached without one`},
		{"no mesh at all", "tinc@site.service", "10.77.0.31", Facts{Meshes: []string{}, Addresses: down}, `node a: mesh = "site": there is no mesh on the machine: `},
		{"a mesh that is down", "tinc@site.service", "10.77.0.31", Facts{Meshes: site, Addresses: down},
			`node a: address = "10.77.0.31" is not an address of the machine, and its mesh "site" is down, since no interface of that name has an address: systemctl status tinc@site.service`},
		{"a mesh that comes up", "tinc@site.service", "10.77.0.31", Facts{Meshes: site, Addresses: addresses("lo", loopback, "site", "fe80::1")}, `its mesh "site" is down`},
		{"a machine that told neither", "tinc@site.service", "10.77.0.99", Facts{}, ""},
		{"a machine without ip", "tinc@site.service", "10.77.0.99", Facts{Meshes: site}, ""},
		{"no mesh declared", "", "198.51.100.1", Facts{Meshes: site, Addresses: up}, ""},
		{"after something else", "wg-quick@site.service", "198.51.100.1", Facts{Meshes: site, Addresses: up}, ""},
	} {
		tier := three()
		tier.After = row.unit
		node := tier.Nodes["a"]
		node.Address = row.address
		tier.Nodes["a"] = node
		err := tier.refuseAddress("a", row.facts)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
		if tier.refuse("a", Facts{Group: "www-data", Meshes: row.facts.Meshes, Addresses: row.facts.Addresses}) != nil {
			t.Errorf("%s: a plan is refused, too", row.name)
		}
	}
}

func TestReadMeshes(t *testing.T) {
	facts, err := readFacts("meshes lagoon site\naddress lo 127.0.0.1\naddress site 10.77.0.31\naddress site fe80::1\n" + converge.WholeMark)
	if err != nil || !slices.Equal(facts.Meshes, []string{"lagoon", "site"}) || len(facts.Addresses["site"]) != 2 || !facts.has("10.77.0.31") || facts.has("10.77.0.99") {
		t.Errorf("%+v, %v", facts, err)
	}
	if facts, err := readFacts("meshes\n" + converge.WholeMark); err != nil || facts.Meshes == nil || len(facts.Meshes) > 0 {
		t.Errorf("of a machine without a mesh: %+v, %v", facts, err)
	}
	if facts, err := readFacts(converge.WholeMark); err != nil || facts.Meshes != nil {
		t.Errorf("of a machine that was not asked: %+v, %v", facts, err)
	}
	for _, wrong := range []string{"address site", "address 10.77.0.31", "address site 10.77.0", "address site 10.77.0.31/24", "address  10.77.0.31"} {
		if _, err := readFacts(wrong + "\n" + converge.WholeMark); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
	convergetest.FailsClosed(t, three().facts("a"), "meshes lagoon site\naddress site 10.77.0.31\ngroup www-data\n"+converge.WholeMark)
}

// Whatever a machine has, the question is answered in the words that are read; and it is
// asked where there is a mesh only.
func TestAskMeshes(t *testing.T) {
	tier := three()
	output, err := exec.CommandContext(t.Context(), "sh", "-c", converge.ThereFunction+tier.askMeshes()+"echo '"+converge.WholeMark+"'").Output()
	if err != nil {
		t.Fatal(err)
	}
	if facts, err := readFacts(string(output)); err != nil || facts.Meshes == nil {
		t.Errorf("%s is read as %+v, %v", output, facts, err)
	}
	if tier.After = ""; tier.askMeshes() != "" || strings.Contains(tier.facts("a").Script, "address") {
		t.Error("without a mesh a machine is asked for one")
	}
}

// machine answers each command with the next of its outputs, and with the last one from
// then on. It writes down what it was asked.
type machine struct {
	convergetest.Says
	mu      sync.Mutex
	outputs []string
	ran     []string
}

func (m *machine) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ran = append(m.ran, command.Name)
	m.Output = m.outputs[0]
	m.outputs = m.outputs[min(1, len(m.outputs)-1):]
	return m.Says.Run(ctx, command)
}

// Where one node is refused, no node is asked for anything else. A mesh that was just
// started is waited for.
func TestConvergeRefusesBeforeAnythingIsTouched(t *testing.T) {
	says := func(rows string) string { return rows + "group www-data\n" + converge.WholeMark }
	first := &machine{outputs: []string{says("meshes site\n"), says("meshes site\naddress lo 127.0.0.1\n"), says("meshes site\naddress site 10.77.0.1\n")}}
	second := &machine{outputs: []string{says("meshes site\naddress lo 127.0.0.1\n"), says("meshes site\naddress site 10.77.0.31\n")}}
	third := &machine{outputs: []string{says("meshes lagoon\naddress lagoon 10.77.0.3\n")}}
	_, err := three().Converge(t.Context(), map[string]remote.Host{"a": first, "b": second, "c": third})
	const want = `node b: address = "10.77.0.2" is not an address of the machine: it has 10.77.0.31 in the mesh "site". Give that, best as the address of its atoll_mesh_peer
node c: mesh = "site": there is no such mesh on the machine (it has "lagoon"): give its name, best as atoll_mesh.NAME.id, or leave mesh out where the address is reached without one`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	for _, one := range []*machine{first, second, third} {
		for _, name := range one.ran {
			if name != "asking for what the file tier files has to know of the machine" {
				t.Errorf("after that a machine was still %s", name)
			}
		}
		if len(one.ran) != 3 {
			t.Errorf("a machine was asked %d times", len(one.ran))
		}
	}
}
