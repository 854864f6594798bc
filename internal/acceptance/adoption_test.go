// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
)

// A mesh of the same name that was made by hand is not taken over silently, with
// its key and whoever its host files let in.
func TestHandMadeMeshIsNotTakenOver(t *testing.T) {
	f := stand(t)
	f.must(f.lab.Rebuild(f.Context(), "app2"))
	f.on("app2", "mkdir -p /etc/tinc/site/hosts && echo 'Name = eve' >/etc/tinc/site/tinc.conf && echo by-hand >/etc/tinc/site/hosts/eve")
	err := f.terraform.Apply(f.Context())
	if err == nil || !strings.Contains(flat(err.Error()), "Atoll did not make it") || !strings.Contains(flat(err.Error()), "import the peer") {
		t.Errorf("want a refusal with the way out, got %v", err)
	}
	if got := f.on("app2", "cat /etc/tinc/site/tinc.conf /etc/tinc/site/hosts/eve; ls -A /etc/tinc/site"); got != "Name = eve\nby-hand\nhosts\ntinc.conf" {
		t.Errorf("it was touched: %q", got)
	}
	// Imported, it is taken over: with its key, and without whom it let in.
	f.on("app2", `rm -r /etc/tinc/site; mkdir -p /etc/tinc/site/hosts; cd /etc/tinc/site
echo 'Name = app2' >tinc.conf; echo by-hand >hosts/eve; echo 'Subnet = 10.77.0.22/32' >hosts/app2
tincd -n site -K2048 </dev/null`)
	public := "openssl rsa -in /etc/tinc/site/rsa_key.priv -pubout 2>/dev/null"
	before := f.on("app2", public)
	host, err := f.lab.Inventory.Host("app2")
	f.must(err)
	f.must(f.terraform.Import(f.Context(), `atoll_mesh_peer.node["app2"]`, "site/app2 "+host.Address+" "+host.HostKey))
	f.apply()
	f.inSync()
	if after := f.on("app2", public+"; ls /etc/tinc/site/hosts/eve 2>&1 | tail -c 26"); after != before+"\nNo such file or directory" {
		t.Errorf("its key and its guests were\n%s\nand are\n%s", before, after)
	}
}
