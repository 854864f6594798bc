// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func TestParseMachine(t *testing.T) {
	for id, want := range map[string]remote.Target{
		"203.0.113.11":                              {Host: "203.0.113.11"},
		"203.0.113.11 ssh-ed25519 AAAA":             {Host: "203.0.113.11", HostKey: "ssh-ed25519 AAAA"},
		"admin@host.example:2222 ssh-ed25519 AAAA ": {Host: "host.example", Port: 2222, User: "admin", HostKey: "ssh-ed25519 AAAA"},
		"2001:db8::1":                               {Host: "2001:db8::1"},
		"root@[2001:db8::1]:22":                     {Host: "2001:db8::1", Port: 22, User: "root"},
	} {
		got, err := ParseMachine(id)
		if err != nil {
			t.Errorf("%q: %v", id, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q:\n%s", id, diff)
		}
	}
	for _, bad := range []string{"", "@host", "host:99999", "host:x", "user@"} {
		if got, err := ParseMachine(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
	name, target, err := ParseNode("site/hk1 admin@h:22 ssh-ed25519 AAAA")
	if err != nil || name != "site/hk1" || target.User != "admin" || target.HostKey != "ssh-ed25519 AAAA" {
		t.Errorf("%q %+v %v", name, target, err)
	}
	if _, _, err := ParseNode("site/hk1"); err == nil {
		t.Error("a node without a machine passes")
	}
}

// Every class of failure comes with a way out.
func TestErrorsSayWhatToDoNext(t *testing.T) {
	for kind, want := range map[error]string{
		remote.ErrUnreachable: "lost list", remote.ErrHostKeyMismatch: "host_key of the atoll_linode", remote.ErrHostKeyUnknown: "host_key of the atoll_linode",
		remote.ErrAuthentication: "authorized_keys", remote.ErrPrivilege: "sudo", remote.ErrLost: "lost list",
		remote.ErrForward: "AllowStreamLocalForwarding", remote.ErrSession: "MaxSessions", remote.ErrReadOnly: "Nothing was changed",
	} {
		var diags diag.Diagnostics
		AddError(&diags, "Create", "Host h", &remote.Error{Kind: kind, Address: "h:22"})
		if got := diags[0].Summary(); got != "Unable to Create Host h" {
			t.Errorf("%v: %q", kind, got)
		}
		if got := diags[0].Detail(); want != "lost list" && strings.Contains(got, "lost") {
			t.Errorf("%v: %q advises to give the machine up", kind, got)
		}
		if got := diags[0].Detail(); !strings.Contains(got, "h:22") || !strings.Contains(got, want) {
			t.Errorf("%v: %q does not say %q", kind, got, want)
		}
	}
}
