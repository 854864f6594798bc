// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

func config() Config {
	return Config{Address: "203.0.113.21", ClusterID: "id", BindAddress: "127.0.0.1", ReadWrite: 6446, ReadOnly: 6447, ReadWriteSplit: 6450, ConnectTimeout: 2, ReadTimeout: 3, After: "tinc@site.service",
		Members: []string{"10.77.0.11:3306", "10.77.0.12:3306"}}
}

func TestAccountFitsMySQL(t *testing.T) {
	seen := map[string]bool{}
	for _, address := range []string{"203.0.113.21", "203.0.113.22", "2001:db8::1", "app1.a-very-long-name.example.com", "app2.a-very-long-name.example.com"} {
		account := Config{Address: address}.Account()
		if len(account) > 32 || !strings.HasPrefix(account, "mysql_router_") || seen[account] {
			t.Errorf("%s: account %q", address, account)
		}
		seen[account] = true
	}
}

// A router is bootstrapped for what only that mends, and left alone otherwise.
func TestDiagnosis(t *testing.T) {
	good := func() Status {
		return Status{Version: "9.7.4", Declared: config().declared(), ConfThen: "x", ConfNow: "x", Keyring: true, Active: true,
			State: true, Knows: []string{"10.77.0.12:3306", "10.77.0.13:3306"},
			Listening: []string{"127.0.0.1:6446", "127.0.0.1:6447", "127.0.0.1:6450"}}
	}
	for _, row := range []struct {
		name   string
		change func(*Status, *Config)
		want   []string
	}{
		{"in sync", func(*Status, *Config) {}, []string{}},
		{"the mesh is the unit's business", func(_ *Status, c *Config) { c.After = "tinc@other.service" }, []string{}},
		{"not bootstrapped", func(s *Status, _ *Config) { *s = Status{} }, []string{"router: not bootstrapped"}},
		{"another cluster", func(_ *Status, c *Config) { c.ClusterID = "new" }, []string{"router: bootstrapped for another cluster or other settings"}},
		{"another port", func(_ *Status, c *Config) { c.ReadOnly = 7000 }, []string{"router: bootstrapped for another cluster or other settings"}},
		{"edited", func(s *Status, _ *Config) { s.ConfNow = "y" }, []string{"file /etc/atoll-router/mysqlrouter.conf: content differs"}},
		{"no keyring", func(s *Status, _ *Config) { s.Keyring = false }, []string{"router: its keyring is missing"}},
		{"other members joined and left", func(_ *Status, c *Config) { c.Members = []string{"10.77.0.13:3306", "10.77.0.14:3306"} }, []string{}},
		{"all that it knows are gone", func(_ *Status, c *Config) { c.Members = []string{"10.77.0.12:3307", "10.77.0.13:3307"} },
			[]string{"router: knows none of the cluster's members: 10.77.0.12:3306, 10.77.0.13:3306"}},
		{"members that are not known yet", func(_ *Status, c *Config) { c.Members = nil }, []string{}},
		{"its state is gone, and it runs on", func(s *Status, _ *Config) { s.State, s.Knows = false, nil }, []string{}},
		{"its state is gone", func(s *Status, _ *Config) { s.State, s.Knows, s.Active = false, nil, false }, []string{"router: its list of members is missing or cannot be read"}},
		{"8.0 never opens the split", func(s *Status, c *Config) {
			s.Version, s.Listening, s.Declared = "8.0.40", s.Listening[:2], c.as("8.0.40").declared()
		}, []string{}},
		{"8.0 became 8.4", func(s *Status, c *Config) { s.Version, s.Declared = "8.4.3", c.as("8.0.40").declared() },
			[]string{"router: bootstrapped by a version without a read-write split, and now there is 8.4.3"}},
		{"8.4 became 8.0", func(s *Status, _ *Config) { s.Version = "8.0.40" }, []string{"router: bootstrapped for another cluster or other settings"}},
		{"another package", func(_ *Status, c *Config) { c.Package = "mysql-router-community" }, []string{}},
		{"deaf", func(s *Status, _ *Config) { s.Listening = s.Listening[:2] }, []string{"port 6450: nothing listens"}},
		{"stopped: the unit's line is enough", func(s *Status, _ *Config) { s.Listening, s.Active = nil, false }, []string{}},
	} {
		status, declared := good(), config()
		row.change(&status, &declared)
		findings := declared.Diagnose(status)
		operations, err := provision.Operations(findings)
		if err != nil {
			t.Fatal(err)
		}
		bootstraps := slices.Equal(operations, []provision.Operation{Bootstrap{declared.Address}})
		if wanted := len(row.want) > 0 && !strings.HasPrefix(row.want[0], "port"); bootstraps != wanted || !wanted && len(operations) > 0 {
			t.Errorf("%s: does %v", row.name, operations)
		}
		if diff := cmp.Diff(row.want, converge.Texts(provision.Drift(findings))); diff != "" {
			t.Errorf("%s:\n%s", row.name, diff)
		}
	}
}

func TestSplits(t *testing.T) {
	for version, want := range map[string]bool{"8.0.27": false, "8.0.44": false, "8.1.0": false, "8.2.0": true, "8.4.7": true, "9.7.4": true, "10.0.0": true, "": true} {
		if Splits(version) != want {
			t.Errorf("%q: %v", version, !want)
		}
	}
	const option = "rw_split"
	if c := config(); strings.Contains(c.as("8.0.44").bootstrapScript("p"), option) || !strings.Contains(c.as("8.4.7").bootstrapScript("p"), option) {
		t.Error("the port of the split is set for a version without it, or not for one with it")
	}
}

// Routers that stand are not bootstrapped again by an upgrade of the provider:
// the sum is the one that its releases have written so far.
func TestSumOfTheBootstrapStays(t *testing.T) {
	c := config()
	c.Package, c.Members = "mysql-router-community", nil
	if got := c.declared(); got != "cb47d91d5312b66fd010006fd39563527ccc2194595f1657df578e5c63ccbc90" {
		t.Errorf("the sum is %s", got)
	}
}

// How lines are encrypted is bootstrapped anew for, and left to Router where it is
// not given.
func TestTLSModes(t *testing.T) {
	plain, given := config(), config()
	given.ClientTLS, given.ServerTLS = "REQUIRED", "REQUIRED"
	if strings.Contains(plain.bootstrapScript("p"), "ssl_mode") || plain.declared() == given.declared() {
		t.Error("the modes are set where they are not given, or change nothing where they are")
	}
	script, older := given.bootstrapScript("p"), given.as("8.0.44").bootstrapScript("p")
	for _, option := range []string{"DEFAULT.client_ssl_mode=REQUIRED", "DEFAULT.server_ssl_mode=REQUIRED", "routing:bootstrap_rw_split.client_ssl_mode=REQUIRED", "routing:bootstrap_rw_split.server_ssl_mode=REQUIRED"} {
		if !strings.Contains(script, option) || strings.Contains(older, option) != strings.HasPrefix(option, "DEFAULT") {
			t.Errorf("%s is missing, or there without a split:\n%s\n%s", option, script, older)
		}
	}
}

// The password goes on standard input: no command line has it, and no script.
func TestBootstrapScriptHoldsNoSecret(t *testing.T) {
	script := config().bootstrapScript("10.77.0.11:3306")
	if !strings.Contains(script, "read -r password") || strings.Contains(script, "--password") {
		t.Errorf("the script is\n%s", script)
	}
}

// A router whose status did not come whole is not one that was never bootstrapped.
func TestStatusFailsClosed(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	convergetest.FailsClosed(t, StatusQuestion(),
		"version MySQL Router  Ver 9.7.4 for Linux\nstamp x y\nconf "+sum+" -\nkeyring 12 13\nstate e30=\nactive active\nlisten 127.0.0.1:6446\n"+converge.WholeMark+"\n",
		"version none\nstamp none\nconf none\nkeyring none none\nstate none\nactive inactive\n"+converge.WholeMark+"\n")
}

// The router's user owns its directory, so root neither writes there nor runs
// anything of it.
func TestRootStaysOutOfTheRoutersDirectory(t *testing.T) {
	script := config().bootstrapScript("10.77.0.11:3306")
	for line := range strings.Lines(script) {
		if strings.Contains(line, directory) && !strings.Contains(line, "$own ") {
			t.Errorf("root works there: %s", line)
		}
	}
	if strings.Contains(script, "--user=") {
		t.Error("Router bootstraps as root")
	}
}

// The state is that of a MySQL Router 9.7; what is no such document, or names
// nobody, is none.
func TestStateOfTheRouter(t *testing.T) {
	whole := `{"metadata-cache": {"group-replication-id": "11111111-2222-4333-8444-555555555555", "cluster-metadata-servers": ["mysql://10.77.0.11:3306", "mysql://10.77.0.12:3306"]}, "version": "1.0.0"}`
	if members, there := readMembers([]byte(whole)); !there || strings.Join(members, " ") != "10.77.0.11:3306 10.77.0.12:3306" {
		t.Errorf("whole: %v, %v", members, there)
	}
	for _, text := range []string{"", "{}", whole[:len(whole)/2], `{"metadata-cache": {"cluster-metadata-servers": []}}`, `["mysql://10.77.0.11:3306"]`} {
		if members, there := readMembers([]byte(text)); there || len(members) > 0 {
			t.Errorf("%q: %v, %v", text, members, there)
		}
	}
}
