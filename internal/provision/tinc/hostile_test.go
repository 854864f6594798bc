// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"regexp"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

const plainKey = "-----BEGIN PUBLIC KEY-----\nMIICzz\n-----END PUBLIC KEY-----\n"

// fields are the texts of a node and of a mesh.
func fields() []convergetest.Field {
	node := func(change func(*Node, string)) func(string) converge.Manifest {
		return func(text string) converge.Manifest {
			n := Node{Mesh: "site", Name: "hk1", Address: "10.77.0.11", Endpoint: "hk1.example", Port: 655, MTU: 1400}
			change(&n, text)
			manifest, err := n.Manifest()
			if err != nil {
				return converge.Manifest{Refusal: err}
			}
			return manifest
		}
	}
	mesh := func(change func(*Mesh, *Peer, string)) func(string) converge.Manifest {
		return func(text string) converge.Manifest {
			other := Peer{Name: "hk2", Address: "10.77.0.12", Endpoint: "hk2.example", Port: 655, PublicKey: plainKey}
			m := Mesh{Name: "site", CIDR: "10.77.0.0/24", Cipher: "aes-256-cbc", Digest: "sha256", MACLength: 16, PingInterval: 10, PingTimeout: 5, MaxTimeout: 30, ReplayWindow: 128}
			change(&m, &other, text)
			m.Peers = map[string]Peer{"hk1": {Name: "hk1", Address: "10.77.0.11", Endpoint: "hk1.example", Port: 655, PublicKey: plainKey}, "hk2": other}
			return m.Manifest("hk1")
		}
	}
	return []convergetest.Field{
		{Name: "node.mesh", Plain: "zqmesh", Manifest: node(func(n *Node, text string) { n.Mesh = text })},
		{Name: "node.name", Plain: "zqname", Manifest: node(func(n *Node, text string) { n.Name = text })},
		{Name: "node.address", Plain: "10.77.0.99", Manifest: node(func(n *Node, text string) { n.Address = text })},
		{Name: "node.endpoint", Plain: "zq.example", Manifest: node(func(n *Node, text string) { n.Endpoint = text })},
		{Name: "mesh.name", Plain: "zqmesh", Manifest: mesh(func(m *Mesh, _ *Peer, text string) { m.Name = text })},
		{Name: "mesh.cidr", Plain: "10.77.0.0/25", Manifest: mesh(func(m *Mesh, _ *Peer, text string) { m.CIDR = text })},
		{Name: "mesh.cipher", Plain: "zqcipher", Manifest: mesh(func(m *Mesh, _ *Peer, text string) { m.Cipher = text })},
		{Name: "mesh.digest", Plain: "zqdigest", Manifest: mesh(func(m *Mesh, _ *Peer, text string) { m.Digest = text })},
		{Name: "peer.name", Plain: "zqname", Manifest: mesh(func(_ *Mesh, p *Peer, text string) { p.Name = text })},
		{Name: "peer.address", Plain: "10.77.0.99", Manifest: mesh(func(_ *Mesh, p *Peer, text string) { p.Address = text })},
		{Name: "peer.endpoint", Plain: "zq.example", Manifest: mesh(func(_ *Mesh, p *Peer, text string) { p.Endpoint = text })},
		{Name: "peer.public_key", Plain: plainKey, Manifest: mesh(func(_ *Mesh, p *Peer, text string) { p.PublicKey = text })},
	}
}

// bare is what neither a shell within a shell nor tinc takes for more than a word.
var bare = regexp.MustCompile(`\A[A-Za-z0-9_.:/-]*\z`)

// Whatever a text of a node or a mesh holds, no line of tinc's and no command
// comes of it. tinc's files cannot quote, so all that is more than a word goes.
func FuzzHostile(f *testing.F) {
	all := fields()
	convergetest.Seed(f, len(all))
	f.Fuzz(func(t *testing.T, number uint8, text string) {
		field := all[int(number)%len(all)]
		if field.Plain == plainKey && text == "" {
			return // a peer without a key yet
		}
		field.Holds(t, text)
		if made := field.Manifest(text); made.Refusal == nil && !bare.MatchString(text) && !strings.HasPrefix(text, "-----BEGIN ") {
			t.Errorf("%s takes %q", field.Name, text)
		}
	})
}
