// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import "testing"

func TestLetsInWhateverTheComments(t *testing.T) {
	const own = "ssh-ed25519 AAAAC3Nza"
	for _, row := range []struct {
		keys []string
		want bool
	}{
		{nil, false},
		{[]string{own}, true},
		{[]string{"ssh-rsa AAAAB3Nza me", own + " me at home"}, true},
		{[]string{"ssh-rsa AAAAC3Nza"}, false},
		{[]string{"ssh-ed25519 AAAAC3NzaX"}, false},
		{[]string{"", "ssh-ed25519"}, false},
	} {
		if got := LetsIn(row.keys, own); got != row.want {
			t.Errorf("%q: %t", row.keys, got)
		}
	}
}
