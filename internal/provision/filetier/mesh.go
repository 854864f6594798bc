// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// askMeshes asks for the meshes and the addresses of a machine, where the nodes reach each
// other over a mesh. Without one an address may be that of a router before the machine. A
// machine without ip says nothing of its addresses.
func (t Tier) askMeshes() string {
	if tinc.MeshOf(t.After) == "" {
		return ""
	}
	return `meshes=
if there ` + tinc.Root + `; then
  ls -A -- ` + tinc.Root + `/ >/dev/null || exit
  for file in ` + tinc.Root + `/*/tinc.conf; do
    [ -e "$file" ] || continue
    mesh=${file%/tinc.conf}
    mesh=${mesh##*/}
    case $mesh in *[!A-Za-z0-9_-]*) ;; *) meshes="$meshes $mesh" ;; esac
  done
fi
printf 'meshes%s\n' "$meshes"
if command -v ip >/dev/null; then
  addresses=$(ip -o address show) || exit
  printf '%s\n' "$addresses" | while read -r number interface family address rest; do
    case $family in inet|inet6) printf 'address %s %s\n' "$interface" "${address%%/*}" ;; esac
  done
fi
`
}

// readAddress reads the name of an interface and one of its addresses.
func (f Facts) readAddress(words string) error {
	device, text, _ := strings.Cut(words, " ")
	address, err := netip.ParseAddr(text)
	if err != nil || device == "" {
		return fmt.Errorf("%q is not an interface and its address", words)
	}
	f.Addresses[device] = append(f.Addresses[device], address)
	return nil
}

// refuseAddress says that a node's machine has not the mesh that the tier is over, or not
// the address by which the others dial it: that would show as a login which fails, long
// after trees were touched. What a machine did not tell is not refused, and no plan is, since
// a mesh that is down comes up again.
func (t Tier) refuseAddress(node string, facts Facts) error {
	mesh, address := tinc.MeshOf(t.After), t.Nodes[node].Address
	switch {
	case mesh == "" || facts.Meshes == nil:
		return nil
	case len(facts.Meshes) == 0:
		return fmt.Errorf("node %s: mesh = %q: there is no mesh on the machine: give it an atoll_mesh_peer, or leave mesh out where the address is reached without one", node, mesh)
	case !slices.Contains(facts.Meshes, mesh):
		return fmt.Errorf("node %s: mesh = %q: there is no such mesh on the machine (it has %s): give its name, best as atoll_mesh.NAME.id, or leave mesh out where the address is reached without one",
			node, mesh, quotedNames(facts.Meshes))
	case len(facts.Addresses) == 0 || facts.has(address):
		return nil
	case t.meshDown(facts):
		return fmt.Errorf("node %s: address = %q is not an address of the machine, and its mesh %q is down, since no interface of that name has an address: systemctl status %s on the machine says why. Apply its atoll_mesh_peer, which starts it, and then the tier",
			node, address, mesh, t.After)
	}
	var given []string
	for _, own := range global(facts.Addresses[mesh]) {
		given = append(given, own.String())
	}
	return fmt.Errorf("node %s: address = %q is not an address of the machine: it has %s in the mesh %q. Give that, best as the address of its atoll_mesh_peer", node, address, strings.Join(given, ", "), mesh)
}

// has says whether the machine has an address, however that is written. What is no address
// is refused by the forms.
func (f Facts) has(text string) bool {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return true
	}
	for _, own := range f.Addresses {
		if slices.ContainsFunc(own, func(one netip.Addr) bool { return one.Unmap() == address.Unmap() }) {
			return true
		}
	}
	return false
}

// meshDown says whether the tier's mesh is on a machine and has no address there: tinc's
// interface, by the mesh's name, is there while tincd runs.
func (t Tier) meshDown(facts Facts) bool {
	mesh := tinc.MeshOf(t.After)
	return mesh != "" && slices.Contains(facts.Meshes, mesh) && len(facts.Addresses) > 0 && len(global(facts.Addresses[mesh])) == 0
}

// global leaves out what the kernel gives an interface by itself.
func global(addresses []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addresses), func(address netip.Addr) bool { return address.Is6() && address.IsLinkLocalUnicast() })
}

// quotedNames lists names as they would be written.
func quotedNames(names []string) string {
	var quoted []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		quoted = append(quoted, fmt.Sprintf("%q", name))
	}
	return strings.Join(quoted, ", ")
}
