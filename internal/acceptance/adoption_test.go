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
	f.on("app2", "mv /etc/tinc/site /root/")
	f.apply()
	f.inSync()
}
