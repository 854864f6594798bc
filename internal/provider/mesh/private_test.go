// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What was kept of leaving peers before the private state had a form of its own
// is read as it was.
func TestUnversionedLeavingPeers(t *testing.T) {
	const old = `{"sg1":{"Name":"sg1","Address":"10.77.0.13","Endpoint":"198.51.100.13","Port":655,"PublicKey":"k",
"Target":{"Host":"198.51.100.13","Port":2222,"User":"admin","HostKey":"ssh-ed25519 AAAA","Key":"office","Jumps":[{"Host":"jump","Port":0,"User":"","HostKey":"ssh-ed25519 BBBB","Key":"","Jumps":null}]},"Leaving":true}}`
	got, err := unversioned([]byte(old))
	if err != nil {
		t.Fatal(err)
	}
	target := remote.Target{
		Host: "198.51.100.13", Port: 2222, User: "admin", HostKey: "ssh-ed25519 AAAA", Key: "office",
		Jumps: []remote.Target{{Host: "jump", HostKey: "ssh-ed25519 BBBB"}},
	}
	want := map[string]leavingPeer{"sg1": {"sg1", "10.77.0.13", "198.51.100.13", 655, "k", machineOf(target)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(target, got["sg1"].Target.target()); diff != "" {
		t.Error(diff)
	}
	// The names of the new form are part of it.
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	const form = `{"sg1":{"name":"sg1","address":"10.77.0.13","endpoint":"198.51.100.13","port":655,"public_key":"k","ssh":{"host":"198.51.100.13","port":2222,"user":"admin","host_key":"ssh-ed25519 AAAA","key":"office","jumps":[{"host":"jump","host_key":"ssh-ed25519 BBBB"}]}}}`
	if string(text) != form {
		t.Errorf("kept as %s", text)
	}
}
