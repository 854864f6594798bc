// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"errors"
	"strings"
	"testing"
)

const goodKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"

// What is wrong with a value is called by its name, with the way out.
func TestTextsSayWhatIsWrong(t *testing.T) {
	for _, row := range []struct {
		check       Text
		value, want string
	}{
		{Address(), "203.0.113.11", ""},
		{Address(), "2001:db8::1", ""},
		{Address(), "hk1", ""},
		{Address(), "db-1.example.net.", ""},
		{Address(), "10.0.0.1:2222", "must not have a port"},
		{Address(), "root@10.0.0.1", "must not have a user"},
		{Address(), "ssh://10.0.0.1", "must not have a scheme"},
		{Address(), "[2001:db8::1]", "must not have brackets"},
		{Address(), " 10.0.0.1", "letters, digits, dots and hyphens"},
		{Address(), "10.0.0.1\n", "letters, digits, dots and hyphens"},
		{Address(), "-oProxyCommand=x", "letters, digits, dots and hyphens"},
		{Address(), "203.0.113.300", "is no IPv4 address"},
		{Address(), "203.0.113.999.", "is no IPv4 address"},
		{Address(), "203.0.113.011", "is no IPv4 address"},
		{Address(), "203.0.113", ""},
		{Address(), "1.2.3.4.example", ""},
		{Address(), "", "must not be empty"},
		{IPv4Address(), "10.77.0.11", ""},
		{IPv4Address(), "10.77.0.300", "is not an IP address"},
		{IPv4Address(), "nonsense", "is not an IP address"},
		{IPv4Address(), "fd00::1", "is an IPv6 address"},
		{IPv4Address(), "0.0.0.0", "not an address by which"},
		{IPv4Address(), "127.0.0.1", "not an address by which"},
		{HostKey(), goodKey, ""},
		{HostKey(), goodKey + " root@hk1\n", ""},
		{HostKey(), "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", "is the fingerprint"},
		{HostKey(), "203.0.113.11 " + goodKey, "is a line of a known_hosts file"},
		{HostKey(), goodKey[:60], "is cut short"},
		{HostKey(), goodKey[len("ssh-ed25519 "):], "lacks the type"},
		{HostKey(), strings.Replace(goodKey, "ssh-ed25519", "ssh-rsa", 1), "a key of another type"},
		{HostKey(), goodKey + "\n" + goodKey, "has several lines"},
		{HostKey(), "ssh-ed25519 AAAA…", "is cut short"},
		{HostKey(), "hk1", "is not a public SSH key"},
		{HostKey(), "-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key"},
		{HostKey(), "no-pty " + goodKey, "is a line of a known_hosts file"},
		{LoginKey(), goodKey + " no-pty command=\"sh\"", ""},
		{LoginKey(), "command=\"sh -c id\" " + goodKey, "has options of an authorized_keys file in front, and none are taken"},
		{LoginKey(), "no-pty " + goodKey, "has options of an authorized_keys file"},
		{LoginKey(), "restrict,pty " + goodKey, "has options of an authorized_keys file"},
		{LoginKey(), "203.0.113.11 " + goodKey, "is a line of a known_hosts file"},
		{Duration(), "90s", ""},
		{Duration(), "1h30m", ""},
		{Duration(), "0s", "must be more than nothing"},
		{Duration(), "-5m", "must be more than nothing: write a duration such as \"90s\""},
		{Duration(), "soon", "is no duration: write numbers with their units"},
		{Duration(), "10", "is no duration"},
		{KeyName(), "office", ""},
		{KeyName(), "somebody@example", ""},
		{KeyName(), "-----BEGIN OPENSSH PRIVATE KEY-----\n", "the state must not hold one"},
		{KeyName(), goodKey, "is a public key"},
		{KeyName(), "~/.ssh/id_ed25519", "is a path"},
		{UserName(), "admin", ""},
		{UserName(), "root;id", "must be a login name"},
		{MeshName(), "site", ""},
		{MeshName(), "ethernet", ""},
		{MeshName(), "team", ""},
		{MeshName(), "eth0", "must not be the name of an interface"},
		{MeshName(), "lo", "must not be the name of an interface"},
		{MeshName(), "docker0", "must not be the name of an interface"},
		{MeshName(), "enp3s0", "must not be the name of an interface"},
		{MeshName(), "averyveryverylongname", "at most 15 letters"},
	} {
		err := row.check.Check(row.value)
		switch {
		case row.want == "" && err != nil:
			t.Errorf("%q: %v", row.value, err)
		case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
			t.Errorf("%q: %v, want %q", row.value, err, row.want)
		}
	}
}

// A value that may be a secret, or is no line, is not repeated.
func TestShown(t *testing.T) {
	for value, want := range map[string]string{
		"10.0.0.1:22": ` = "10.0.0.1:22"`, "a\nb": " (3 characters, not shown)",
		"x PRIVATE KEY y": " (15 characters, not shown)", strings.Repeat("a", 200): " (200 characters, not shown)",
	} {
		if got := Shown(value); got != want {
			t.Errorf("%q is shown as %s", value, got)
		}
	}
}

// SQL that is printed is run as it stands.
func TestSentence(t *testing.T) {
	for said, want := range map[string]string{"it is full": "it is full.", "it is full.": "it is full.", "run this:\n  DROP TABLE a;": "run this:\n  DROP TABLE a;"} {
		if got := Sentence(errors.New(said)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
