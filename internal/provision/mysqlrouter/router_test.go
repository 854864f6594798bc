// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"fmt"
	"os/exec"
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
	for _, instance := range []string{"shop", "shop-of-another-name-that-is-long"} {
		account := Config{Address: "203.0.113.21", Instance: instance}.Account()
		if len(account) > 32 || !strings.HasPrefix(account, "mysql_router_") || seen[account] {
			t.Errorf("%s: account %q", instance, account)
		}
		seen[account] = true
	}
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
		return Status{Version: "9.7.4", Identity: config().identity(), Declared: config().declared(), Written: true, ConfThen: "x", ConfNow: "x", Keyring: true, Active: true,
			State: true, Knows: []string{"10.77.0.12:3306", "10.77.0.13:3306"},
			Listening: []string{"127.0.0.1:6446", "127.0.0.1:6447", "127.0.0.1:6450"}}
	}
	bootstrap, settle := Bootstrap{config().Address}, Settle{config().Address}
	// older is what a version of this provider left that bootstrapped for everything.
	older := func(change func(*Status, *Config)) func(*Status, *Config) {
		return func(s *Status, c *Config) {
			s.Identity, s.Written = "", false
			change(s, c)
		}
	}
	for _, row := range []struct {
		name   string
		change func(*Status, *Config)
		want   []string
		// mend is what is done; nil for nothing.
		mend provision.Operation
	}{
		{"in sync", func(*Status, *Config) {}, []string{}, nil},
		{"the mesh is the unit's business", func(_ *Status, c *Config) { c.After = "tinc@other.service" }, []string{}, nil},
		{"not bootstrapped", func(s *Status, _ *Config) { *s = Status{} }, []string{"router: not bootstrapped"}, bootstrap},
		{"another cluster", func(_ *Status, c *Config) { c.ClusterID = "new" }, []string{"router: bootstrapped for another cluster"}, bootstrap},
		{"another cluster and port", func(_ *Status, c *Config) { c.ClusterID, c.ReadOnly = "new", 7000 }, []string{"router: bootstrapped for another cluster"}, bootstrap},
		{"another port", func(_ *Status, c *Config) { c.ReadOnly = 7000 }, []string{"router: runs with other settings"}, settle},
		{"another time-out, and edited", func(s *Status, c *Config) { c.ReadTimeout, s.ConfNow = 7, "y" }, []string{"router: runs with other settings"}, settle},
		{"edited", func(s *Status, _ *Config) { s.ConfNow = "y" }, []string{"file /etc/atoll-router/mysqlrouter.conf: content differs"}, settle},
		{"its configuration is gone", func(s *Status, _ *Config) { s.ConfNow = "" }, []string{"file /etc/atoll-router/mysqlrouter.conf: content differs"}, settle},
		{"no keyring", func(s *Status, _ *Config) { s.Keyring = false }, []string{"router: its keyring is missing or damaged"}, bootstrap},
		{"other members joined and left", func(_ *Status, c *Config) { c.Members = []string{"10.77.0.13:3306", "10.77.0.14:3306"} }, []string{}, nil},
		{"all that it knows are gone", func(_ *Status, c *Config) { c.Members = []string{"10.77.0.12:3307", "10.77.0.13:3307"} },
			[]string{"router: knows none of the cluster's members: 10.77.0.12:3306, 10.77.0.13:3306"}, bootstrap},
		{"members that are not known yet", func(_ *Status, c *Config) { c.Members = nil }, []string{}, nil},
		{"its state is gone, and it runs on", func(s *Status, _ *Config) { s.State, s.Knows = false, nil }, []string{}, nil},
		{"its state is gone", func(s *Status, _ *Config) { s.State, s.Knows, s.Active = false, nil, false }, []string{"router: its list of members is missing or cannot be read"}, bootstrap},
		{"8.0 never opens the split", func(s *Status, c *Config) {
			old := c.as("8.0.40")
			s.Version, s.Listening, s.Identity, s.Declared = "8.0.40", s.Listening[:2], old.identity(), old.declared()
		}, []string{}, nil},
		{"8.0 became 8.4", func(s *Status, c *Config) {
			old := c.as("8.0.40")
			s.Version, s.Identity, s.Declared = "8.4.3", old.identity(), old.declared()
		}, []string{"router: bootstrapped by a version without a read-write split, and now there is 8.4.3"}, bootstrap},
		{"8.4 became 8.0", func(s *Status, _ *Config) { s.Version = "8.0.40" }, []string{"router: bootstrapped for another cluster"}, bootstrap},
		{"another package", func(_ *Status, c *Config) { c.Package = "mysql-router-community" }, []string{}, nil},
		{"deaf", func(s *Status, _ *Config) { s.Listening = s.Listening[:2] }, []string{"port 6450: nothing listens"}, nil},
		{"stopped: the unit's line is enough", func(s *Status, _ *Config) { s.Listening, s.Active = nil, false }, []string{}, nil},

		{"of an older version", older(func(*Status, *Config) {}), []string{}, nil},
		{"of an older version, another cluster", older(func(_ *Status, c *Config) { c.ClusterID = "new" }), []string{"router: bootstrapped for another cluster or other settings"}, bootstrap},
		{"of an older version, edited", older(func(s *Status, _ *Config) { s.ConfNow = "y" }), []string{"router: its configuration was edited or is gone, and no copy of what it was made of is there"}, bootstrap},
		{"of an older version, 8.0 became 8.4", older(func(s *Status, c *Config) { s.Version, s.Declared = "8.4.3", c.as("8.0.40").declared() }),
			[]string{"router: bootstrapped by a version without a read-write split, and now there is 8.4.3"}, bootstrap},
	} {
		status, declared := good(), config()
		row.change(&status, &declared)
		findings := declared.Diagnose(status)
		operations, err := provision.Operations(findings)
		if err != nil {
			t.Fatal(err)
		}
		var want []provision.Operation
		if row.mend != nil {
			want = append(want, row.mend)
		}
		if !slices.Equal(operations, want) {
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
	if c := config(); strings.Contains(c.as("8.0.44").bootstrapScript("p", sum("account")), option) || !strings.Contains(c.as("8.4.7").bootstrapScript("p", sum("account")), option) {
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

// How lines are encrypted is written beside the bootstrap, which keeps Router's own
// for when it is declared no more.
func TestTLSModes(t *testing.T) {
	plain, given := config(), config()
	given.ClientTLS, given.ServerTLS = "REQUIRED", "REQUIRED"
	if strings.Contains(plain.settingsScript(), "ssl_mode") || plain.declared() == given.declared() || plain.identity() != given.identity() {
		t.Error("the modes are set where they are not given, or change nothing where they are, or are a reason to bootstrap")
	}
	modes := func(c Config) (modes []string) {
		for _, one := range c.options() {
			if strings.HasSuffix(one.name, "ssl_mode") {
				modes = append(modes, fmt.Sprintf("%s.%s=%s", one.section, one.name, one.value))
			}
		}
		return modes
	}
	want := []string{"DEFAULT.client_ssl_mode=REQUIRED", "routing:bootstrap_rw_split.client_ssl_mode=REQUIRED", "DEFAULT.server_ssl_mode=REQUIRED", "routing:bootstrap_rw_split.server_ssl_mode=REQUIRED"}
	if diff := cmp.Diff(want, modes(given)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{want[0], want[2]}, modes(given.as("8.0.44"))); diff != "" {
		t.Error(diff)
	}
	if bootstrap, _, _ := strings.Cut(given.bootstrapScript("p", sum("account")), "written="); strings.Contains(bootstrap, "ssl_mode") || strings.Contains(given.settingsScript(), "--bootstrap") {
		t.Error("the bootstrap is told of the modes, or the modes cost one")
	}
}

// One that verifies the members knows by what before it is told to, and its bootstrap
// does, too; what that notes of it does not stay.
func TestMembersAreVerified(t *testing.T) {
	c := config()
	c.ServerTLS, c.Authorities = VerifyTLS, "-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n"
	const file = "/etc/atoll-router/members.pem"
	var verify []string
	for _, one := range c.options() {
		if strings.Contains(one.name, "ssl") {
			verify = append(verify, fmt.Sprintf("%s.%s=%s", one.section, one.name, one.value))
		}
	}
	want := []string{
		"metadata_cache:bootstrap.ssl_mode=VERIFY_IDENTITY", "metadata_cache:bootstrap.ssl_ca=" + file,
		"DEFAULT.server_ssl_mode=REQUIRED", "routing:bootstrap_rw_split.server_ssl_mode=REQUIRED",
		"DEFAULT.server_ssl_verify=VERIFY_IDENTITY", "routing:bootstrap_rw_split.server_ssl_verify=VERIFY_IDENTITY",
		"DEFAULT.server_ssl_ca=" + file, "routing:bootstrap_rw_split.server_ssl_ca=" + file,
	}
	if diff := cmp.Diff(want, verify); diff != "" {
		t.Error(diff)
	}
	for name, script := range map[string]string{"bootstrap": c.bootstrapScript("p", sum("account")), "settings": c.settingsScript()} {
		knows, tells := strings.Index(script, "mv -fT "+file+".new "+file), max(strings.Index(script, "--ssl-ca="+file), strings.Index(script, "lines["))
		if knows < 0 || tells < knows {
			t.Errorf("%s:\n%s", name, script)
		}
	}
	if script := c.bootstrapScript("p", sum("account")); !strings.Contains(script, " --ssl-mode=VERIFY_IDENTITY --ssl-ca="+file) || !strings.Contains(script, `!skip && !/^ssl_(mode|ca)=/`) {
		t.Error(script)
	}
	status := Status{Version: "9.7.4", Identity: c.identity(), Declared: c.declared(), Written: true, ConfThen: "x", ConfNow: "x", Keyring: true, State: true, Knows: c.Members, Members: c.Authorities}
	for _, row := range []struct {
		name               string
		members, authority string
		want               []provision.Operation
	}{
		{"by those that there are", "a", "a", nil},
		{"by others", "a", "b", []provision.Operation{Settle{c.Address}}},
		{"by none", "", "b", []provision.Operation{Settle{c.Address}}},
		{"not all members said theirs", "a", "", nil},
	} {
		status.Members, c.Authorities = row.members, row.authority
		if operations, err := provision.Operations(c.Diagnose(status)); err != nil || !slices.Equal(operations, row.want) {
			t.Errorf("%s: %v, %v", row.name, operations, err)
		}
	}
	c.Awaited = []string{"hk2"}
	if lines := converge.Texts(provision.Drift(c.Diagnose(status))); !slices.Equal(lines, []string{"router: has to know the certificates that members get: hk2"}) {
		t.Error(lines)
	}
	c.ServerTLS, c.Authorities = "REQUIRED", "b"
	if script := c.settingsScript(); strings.Contains(script, file) {
		t.Error(script)
	}
}

// A router leads to servers of its own series and of those before.
func TestVersionsOfServers(t *testing.T) {
	for versions, want := range map[[2]string]bool{
		{"9.7.4", "9.7.4"}: true, {"9.7.0", "9.7.4"}: true, {"9.7.4", "8.0.44"}: true, {"9.7.4", "8.4.7"}: true, {"10.0.0", "9.7.4"}: true,
		{"8.4.7", "9.7.4"}: false, {"8.0.44", "8.4.7"}: false, {"9.6.0", "9.7.4"}: false, {"", "9.7.4"}: true, {"8.4.7", ""}: true,
	} {
		if err := leads(versions[0], versions[1]); (err == nil) != want {
			t.Errorf("%v: %v", versions, err)
		}
	}
	convergetest.FailsClosed(t, config().offeredQuestion(), "offered MySQL Router  Ver 9.7.4 for Linux\n"+converge.WholeMark+"\n", "offered 9.7.4-2\n"+converge.WholeMark+"\n", "offered (none)\n"+converge.WholeMark+"\n")
	if version, err := readOffered("offered 8.4.7+dfsg-1\n" + converge.WholeMark + "\n"); err != nil || version != "8.4.7" {
		t.Errorf("%q, %v", version, err)
	}
}

// The password goes on standard input: no command line has it, and no script.
func TestBootstrapScriptHoldsNoSecret(t *testing.T) {
	script := config().bootstrapScript("10.77.0.11:3306", sum("account"))
	if !strings.Contains(script, "read -r password") || strings.Contains(script, "--password") {
		t.Errorf("the script is\n%s", script)
	}
}

// A router whose status did not come whole is not one that was never bootstrapped.
func TestStatusFailsClosed(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	convergetest.FailsClosed(t, config().StatusQuestion(),
		"version MySQL Router  Ver 9.7.4 for Linux\nstamp i x y\nconf "+sum+" -\nwritten 20\nkeyring whole whole\nstate e30=\nmembers LQ==\naccount "+sum+"\nactive active\nlisten 127.0.0.1:6446\n"+converge.WholeMark+"\n",
		"version none\nstamp none\nconf none\nwritten none\nkeyring none none\nstate none\nmembers none\naccount none\nactive inactive\n"+converge.WholeMark+"\n")
	convergetest.FailsClosed(t, RunningQuestion(), "version MySQL Router  Ver 9.7.4 for Linux\nunit mysqlrouter.service active\nunit mysqlrouter-shop.service failed\n"+converge.WholeMark+"\n", "version none\n"+converge.WholeMark+"\n")
}

// The router's user owns its directory, so root neither writes there nor runs
// anything of it.
func TestRootStaysOutOfTheRoutersDirectory(t *testing.T) {
	script := config().bootstrapScript("10.77.0.11:3306", sum("account"))
	for line := range strings.Lines(script) {
		if strings.Contains(line, home) && !strings.Contains(line, "$own ") {
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

// Each router of a machine has names of its own in everything that the machine or
// the cluster tells them apart by, and the first one those that it always had.
func TestRoutersAreApart(t *testing.T) {
	first, second := config(), config()
	second.Instance = "shop"
	names := func(c Config) []string {
		return []string{c.Owner(), c.Name(), c.Unit(), c.runtime(), c.directory(), c.settings(), c.Account()}
	}
	if got := strings.Join(names(first), " "); got != "mysql-router atoll mysqlrouter.service mysqlrouter /var/lib/atoll-router /etc/atoll-router mysql_router_203_0_113_21" {
		t.Errorf("the first is %s", got)
	}
	for i, name := range names(second) {
		if !strings.Contains(name, "shop") || name == names(first)[i] {
			t.Errorf("the second has %s", name)
		}
	}
	if !(Plugin{}).Owns(first.Owner()) || !(Plugin{}).Owns(second.Owner()) || (Plugin{}).Owns("mysql-server") {
		t.Error("the plugin owns others' records, or not these")
	}
	for _, script := range []string{second.bootstrapScript("p", sum("account")), second.settingsScript(), second.StatusQuestion().Script, string(second.unit())} {
		for _, path := range []string{"atoll-router/", "atoll-router ", "mysqlrouter.service"} {
			if strings.Contains(script, path) {
				t.Errorf("the second works in %q of the first:\n%s", path, script)
			}
		}
	}
}

// What is declared goes into the sections that are there, in the place of what
// stood there; all else stays, and nothing changes the second time.
func TestSettingsAreWritten(t *testing.T) {
	c := config()
	c.ReadOnly, c.ClientTLS, c.BindAddress = 7447, "REQUIRED", "192.0.2.1"
	const written = "# File automatically generated\n[DEFAULT]\nname=atoll\nconnect_timeout=5\nclient_ssl_mode=PREFERRED\n\n[metadata_cache:bootstrap]\nuser=u\nbind_port=1\n\n" +
		"[routing:bootstrap_ro]\nbind_address=127.0.0.1\nbind_port = 6447\nprotocol=classic\n"
	const want = "# File automatically generated\n[DEFAULT]\nconnect_timeout=2\nread_timeout=3\nlogging_folder=\nclient_ssl_mode=REQUIRED\nname=atoll\n\n[metadata_cache:bootstrap]\nuser=u\nbind_port=1\n\n" +
		"[routing:bootstrap_ro]\nbind_address=192.0.2.1\nbind_port=7447\nprotocol=classic\n"
	text := written
	for range 2 {
		command := exec.CommandContext(t.Context(), "awk", c.settingsProgram())
		command.Stdin = strings.NewReader(text)
		output, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		text = string(output)
		if diff := cmp.Diff(want, text); diff != "" {
			t.Fatal(diff)
		}
	}
}
