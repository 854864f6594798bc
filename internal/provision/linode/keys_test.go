// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import "testing"

func TestSameKeysWhateverTheComments(t *testing.T) {
	const one, other = "ssh-ed25519 AAAAC3Nza", "ecdsa-sha2-nistp256 AAAAE2Vj"
	for _, row := range []struct {
		a, b []string
		want bool
	}{
		{nil, nil, true},
		{[]string{one}, []string{one + " atoll lab"}, true},
		{[]string{one + " me", other}, []string{other + " you", one}, true},
		{[]string{one}, []string{one + " me", one + " me at home"}, true},
		{[]string{one}, []string{one, other}, false},
		{[]string{one, other}, []string{one}, false},
		{[]string{one}, nil, false},
		{[]string{one}, []string{"restrict " + one}, false},
		{[]string{`from="192.0.2.1" ` + one}, []string{`from="192.0.2.1" ` + other}, false},
	} {
		if got := SameKeys(row.a, row.b); got != row.want {
			t.Errorf("%q and %q: %t", row.a, row.b, got)
		}
	}
}

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
