// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Peer is one node as the mesh knows it.
type Peer struct {
	// Name of the node in Terraform.
	Name              string
	Address, Endpoint string
	Port              int
	// PublicKey in PEM form.
	PublicKey string
	Target    remote.Target
	// Leaving: not declared any more, and still in use; see Departures.
	Leaving bool
}

// Mesh is what one atoll_mesh declares.
type Mesh struct {
	Name string
	// CIDR is the network that all addresses lie in.
	CIDR string
	// Peers by the user's own keys.
	Peers map[string]Peer
	// Cipher and Digest by OpenSSL's names; MACLength in bytes.
	Cipher, Digest string
	MACLength      int
	// PingInterval, PingTimeout and MaxTimeout in seconds, see tinc.conf(5).
	PingInterval, PingTimeout, MaxTimeout int
	// ReplayWindow in bytes of eight packets each.
	ReplayWindow int
}

const meshOwner = "mesh/"

// Owner is the name under which a machine records what the mesh has there.
func (m Mesh) Owner() string { return meshOwner + m.Name }

// Validate finds what cannot work, all of it at once. Each error names the peer
// and the value.
func (m Mesh) Validate() error {
	network, err := netip.ParsePrefix(m.CIDR)
	if err != nil {
		return fmt.Errorf("cidr = %q is not a network: %w", m.CIDR, err)
	}
	var problems []error
	addresses, names, endpoints := map[string]string{}, map[string]string{}, map[string]string{}
	claim := func(claimed map[string]string, what, value, key string) {
		if other, taken := claimed[value]; taken {
			problems = append(problems, fmt.Errorf("peers %q and %q both have the %s %s: give each its own", other, key, what, value))
			return
		}
		claimed[value] = key
	}
	for _, key := range slices.Sorted(maps.Keys(m.Peers)) {
		peer := m.Peers[key]
		address, err := netip.ParseAddr(peer.Address)
		if err != nil || !network.Contains(address) {
			problems = append(problems, fmt.Errorf("peer %q: address = %q is not in the mesh's cidr %s", key, peer.Address, m.CIDR))
		}
		if outside, err := netip.ParseAddr(peer.Endpoint); err == nil && network.Contains(outside) {
			problems = append(problems, fmt.Errorf("peer %q: endpoint = %q lies in the mesh's cidr %s, so the way to it would lead into the mesh that it has to carry: give the mesh another network, or the peer its address outside of the mesh", key, peer.Endpoint, m.CIDR))
		} else if err := CheckEndpoint(peer.Endpoint); err != nil {
			problems = append(problems, fmt.Errorf("peer %q: endpoint = %q %w", key, peer.Endpoint, err))
		}
		claim(addresses, "address", peer.Address, key)
		claim(names, "name (with hyphens as underscores, which is what tinc knows)", NodeName(peer.Name), key)
		claim(endpoints, "endpoint", fmt.Sprintf("%s port %d", peer.Endpoint, peer.Port), key)
	}
	return errors.Join(problems...)
}

// CheckEndpoint says what is wrong with an address at which the others dial.
func CheckEndpoint(endpoint string) error {
	address, err := netip.ParseAddr(endpoint)
	if err == nil && (address.IsLoopback() || address.IsUnspecified() || address.IsMulticast()) || strings.EqualFold(endpoint, "localhost") {
		return errors.New("is no address at which another machine finds this one: set endpoint to one that is")
	}
	return nil
}

// Manifest is what the mesh wants on one peer's machine.
func (m Mesh) Manifest(key string) converge.Manifest {
	self, dir, unit := m.Peers[key], directory(m.Name), Unit(m.Name)
	manifest := converge.Manifest{
		Owner: m.Owner(), Refusal: m.forms(),
		Items: []converge.Item{
			converge.File{Path: networkFile(m.Name), Mode: 0o644, Content: []byte(m.CIDR + "\n")},
			// These are read when tincd starts; peers only on a reload.
			converge.File{Path: dir + "/conf.d/links.conf", Mode: 0o644, Content: m.linkConfig(), Restart: []string{unit}},
			converge.File{Path: dir + "/conf.d/peers.conf", Mode: 0o644, Content: m.peerConfig(key), Reload: []string{unit}},
			m.routesCheck(self),
			m.strangerCheck(),
			m.reachCheck(key),
		},
	}
	for _, other := range m.others(key) {
		peer := m.Peers[other]
		manifest.Items = append(manifest.Items, converge.File{
			Path: m.hostFile(peer), Mode: 0o644, Reload: []string{unit},
			Content: []byte(hostFileHead(peer.Address, peer.Endpoint, peer.Port) + peer.PublicKey),
		})
	}
	return manifest
}

func (m Mesh) hostFile(peer Peer) string { return directory(m.Name) + "/hosts/" + NodeName(peer.Name) }

func (m Mesh) others(key string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.Peers)), func(other string) bool { return other == key })
}

func (m Mesh) linkConfig() []byte {
	return fmt.Appendf(nil, `# Written by Atoll: how the links of the mesh behave.
Cipher = %s
Digest = %s
MACLength = %d
PingInterval = %d
PingTimeout = %d
MaxTimeout = %d
ReplayWindow = %d
`, m.Cipher, m.Digest, m.MACLength, m.PingInterval, m.PingTimeout, m.MaxTimeout, m.ReplayWindow)
}

// peerConfig dials every other node: a full mesh, from both ends.
func (m Mesh) peerConfig(key string) []byte {
	var text strings.Builder
	text.WriteString("# Written by Atoll: the other nodes of the mesh.\n")
	for _, other := range m.others(key) {
		fmt.Fprintf(&text, "ConnectTo = %s\n", NodeName(m.Peers[other].Name))
	}
	return []byte(text.String())
}
