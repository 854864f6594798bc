// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

func mesh() Mesh {
	return Mesh{
		Name: "site", CIDR: "10.77.0.0/24", Cipher: "aes-256-cbc", Digest: "sha256", MACLength: 16, PingInterval: 10, PingTimeout: 5, MaxTimeout: 30, ReplayWindow: 128,
		Peers: map[string]Peer{
			"a":   {Name: "a", Address: "10.77.0.1", Endpoint: "203.0.113.1", Port: 655, PublicKey: "KEY-A\n"},
			"b-1": {Name: "b-1", Address: "10.77.0.2", Endpoint: "203.0.113.2", Port: 655, PublicKey: "KEY-B\n"},
			"c":   {Name: "c", Address: "10.77.0.3", Endpoint: "203.0.113.3", Port: 1655, PublicKey: "KEY-C\n"},
		},
	}
}

func TestValidate(t *testing.T) {
	if err := mesh().Validate(); err != nil {
		t.Error(err)
	}
	for _, row := range []struct {
		name, key string
		peer      Peer
		want      string
	}{
		{"address taken", "d", Peer{Name: "d", Address: "10.77.0.1", Endpoint: "203.0.113.4", Port: 655}, `peers "a" and "d" both have the address 10.77.0.1`},
		{"outside", "d", Peer{Name: "d", Address: "10.78.0.1", Endpoint: "203.0.113.4", Port: 655}, `peer "d": address = "10.78.0.1" is not in the mesh's cidr 10.77.0.0/24`},
		{"name taken, as tinc sees it", "d", Peer{Name: "b_1", Address: "10.77.0.4", Endpoint: "203.0.113.4", Port: 655}, `peers "b-1" and "d" both have the name`},
		{"endpoint taken", "d", Peer{Name: "d", Address: "10.77.0.4", Endpoint: "203.0.113.3", Port: 1655}, `both have the endpoint 203.0.113.3 port 1655`},
		{"endpoint within the mesh", "d", Peer{Name: "d", Address: "10.77.0.4", Endpoint: "10.77.0.4", Port: 655}, `peer "d": endpoint = "10.77.0.4" lies in the mesh's cidr 10.77.0.0/24`},
		{"endpoint that is every machine's", "d", Peer{Name: "d", Address: "10.77.0.4", Endpoint: "127.0.0.1", Port: 655}, `peer "d": endpoint = "127.0.0.1" is no address at which another machine finds this one`},
		{"endpoint by the name of that", "d", Peer{Name: "d", Address: "10.77.0.4", Endpoint: "localhost", Port: 655}, `peer "d": endpoint = "localhost" is no address`},
		{"no address", "d", Peer{Name: "d", Address: "nonsense", Endpoint: "203.0.113.4", Port: 655}, `address = "nonsense"`},
	} {
		m := mesh()
		m.Peers[row.key] = row.peer
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.name, err, row.want)
		}
	}
}

func contents(m converge.Manifest) map[string]string {
	files := map[string]string{}
	for _, item := range m.Items {
		file, is := item.(converge.File)
		if !is {
			continue
		}
		files[strings.TrimPrefix(file.Path, "/etc/tinc/site/")] = string(file.Content)
	}
	return files
}

func TestManifest(t *testing.T) {
	files := contents(mesh().Manifest("a"))
	want := map[string]string{
		"network":           "10.77.0.0/24\n",
		"hosts/b_1":         "Address = 203.0.113.2 655\nPort = 655\nSubnet = 10.77.0.2/32\nKEY-B\n",
		"hosts/c":           "Address = 203.0.113.3 1655\nPort = 1655\nSubnet = 10.77.0.3/32\nKEY-C\n",
		"conf.d/peers.conf": "# Written by Atoll: the other nodes of the mesh.\nConnectTo = b_1\nConnectTo = c\n",
		"conf.d/links.conf": "# Written by Atoll: how the links of the mesh behave.\nCipher = aes-256-cbc\nDigest = sha256\nMACLength = 16\nPingInterval = 10\nPingTimeout = 5\nMaxTimeout = 30\nReplayWindow = 128\n",
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
}

// A peer that comes or goes changes no file that stands for another link.
func TestManifestOfTheOthersStays(t *testing.T) {
	before := contents(mesh().Manifest("a"))
	m := mesh()
	delete(m.Peers, "c")
	after := contents(m.Manifest("a"))
	delete(before, "hosts/c")
	delete(before, "conf.d/peers.conf")
	delete(after, "conf.d/peers.conf")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}

func TestComplaintsNameDirectionAndPort(t *testing.T) {
	reached := map[string]Reach{"a": {"b-1": true, "c": false}, "c": {"a": true, "b-1": false}}
	open := map[[2]string]bool{{"a", "c"}: false, {"c", "b-1"}: true}
	want := []string{
		"a → c: no answer over the mesh; TCP port 1655 of 203.0.113.3 cannot be reached from a: open TCP and UDP port 1655",
		"c → b-1: no answer over the mesh; TCP port 655 of 203.0.113.2 can be reached, so look at UDP port 655 and at tinc's log",
	}
	if diff := cmp.Diff(want, converge.Texts(mesh().complaints(reached, open))); diff != "" {
		t.Error(diff)
	}
}

func TestFind(t *testing.T) {
	text := "name hk1\nhost Address = 203.0.113.11 1655\nhost Port = 1655\nhost Subnet = 10.77.0.11/32\nmtu 1380\nkey -----BEGIN PUBLIC KEY-----\nkey abc\nkey -----END PUBLIC KEY-----\n"
	found, err := readFound("site", text+converge.WholeMark)
	want := Found{Name: "hk1", Address: "10.77.0.11", Endpoint: "203.0.113.11", Port: 1655, MTU: 1380, PublicKey: "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----\n"}
	if err != nil || found != want {
		t.Errorf("got %+v, %v", found, err)
	}
	if _, err := Find(t.Context(), convergetest.Says{Output: "none\n" + converge.WholeMark}, "site", "hk1"); !errors.Is(err, ErrNoNode) {
		t.Errorf("no node: %v", err)
	}
}

// Silence is not absence: a key that was not read is not a missing one, and a
// peer that nothing is said about is not one that does not answer.
func TestQuestionsFailClosed(t *testing.T) {
	pem := "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf\n-----END PUBLIC KEY-----\n"
	convergetest.FailsClosed(t, publicKey("site"), pem, "none\n")
	convergetest.FailsClosed(t, mesh().ReachQuestion("a"), "1 yes\n0 no\n"+converge.WholeMark+"\n")
	convergetest.FailsClosed(t, find("site"), "none\n"+converge.WholeMark+"\n",
		"name hk1\nhost Subnet = 10.77.0.11/32\nkey -----BEGIN PUBLIC KEY-----\n"+converge.WholeMark+"\n")
}
