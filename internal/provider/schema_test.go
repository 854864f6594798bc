// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

const publicKey = "-----BEGIN PUBLIC KEY-----\nMIIC\n-----END PUBLIC KEY-----\n"

// everyWay is an ssh object with all that it may have.
func everyWay(host string) object {
	hop := func(host string) object {
		return object{"host": host, "port": 22, "user": "root", "host_key": hostKey, "key": "default"}
	}
	way := hop(host)
	way["jumps"] = []any{hop("203.0.113.1")}
	return way
}

// aptSource is one with all that it may have.
func aptSource() object {
	return object{
		"uris": []any{"https://repo.example/debian"}, "suites": []any{"trixie"}, "components": []any{"main"}, "architectures": []any{"amd64"},
		"key": signingKey, "fingerprint": "011B AA84 2FCA EB18 5798  B693 30F5 06F7 DFC3 E73C", "pin": object{"priority": 700, "packages": []any{"mysql-*"}},
	}
}

// signingKey is one that gpg made for tests.
const signingKey = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawdfVRYJKwYBBAHaRw8BAQdAM7LTkI61u07sZwfJRnM8xI9wxSnGNgvwFL7c
iIy4tNC0DkF0b2xsIHRlc3Qgb25liJAEExYIADgWIQQBG6qEL8rrGFeYtpMw9Qb3
38PnPAUCawdfVQIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRAw9Qb338Pn
PIWNAP4uYvbuROQ9hctm+PpITh118jL4ZR45VVcMyt0JMr2xdAEAsyv7CUJFFhj1
yt4snrM+BtBhKpodllPOKzPSOsaxpgw=
=uc8N
-----END PGP PUBLIC KEY BLOCK-----
`

// routed are routing options with all that they may have.
func routed() object {
	return object{"read_only_targets": "all", "unreachable_quorum_allowed_traffic": "read", "stats_updates_frequency": 60, "tags": object{"team": "shop"}}
}

func everyTimeout() object {
	return object{"create": "1m", "read": "1m", "update": "1m", "delete": "1m"}
}

// everything gives each resource all attributes that it takes. A new attribute
// has to come in here: see TestEverythingIsEverything.
func everything() map[string]object {
	member := object{"address": "10.77.0.11", "port": 3306, "server_id": 7, "mesh": "site", "ssh": everyWay("203.0.113.11")}
	return map[string]object{
		"atoll_host": {
			"ssh": everyWay("203.0.113.11"), "hostname": "hk1", "time_sync": true, "swap_mib": 512, "sysctls": object{"vm.swappiness": "10"},
			"inotify": object{"max_user_watches": 1000, "max_user_instances": 200}, "packages": []any{"bc"}, "timeouts": everyTimeout(),
			"apt_sources": object{"db": aptSource()}, "watcher_keys": []any{loginKey},
		},
		"atoll_linode": {
			"label": "sg1", "region": "us-sea", "type": "g6-standard-1", "image": "linode/debian13", "tags": []any{"site"}, "backups": true, "watchdog": true,
			"disk_encryption": "enabled", "placement_group_id": 0, "swap_mib": 512, "authorized_keys": []any{loginKey}, "user_data": "#cloud-config\n", "private_ip": true,
			"vpc_subnet_id": subnet, "interface_generation": "legacy_config", "firewall_id": 0, "maintenance_policy": "linode/migrate",
			"alerts":      object{"cpu": 90, "io": 0, "network_in": 10, "network_out": 10, "transfer_quota": 80},
			"reverse_dns": "sg1.example.com", "rebuild_generation": 1, "host_key": hostKey, "trust_on_first_use": nil, "key": "default", "timeouts": everyTimeout(),
		},
		"atoll_linode_firewall": {
			"label": "site", "tags": []any{"site"}, "ssh": object{"from": []any{"192.0.2.0/24"}, "port": 22}, "mesh": object{"peers": object{"hk1": "203.0.113.11"}, "port": 655},
			"ping": true, "open": object{"web": object{"protocol": "tcp", "ports": []any{"443"}, "from": []any{"0.0.0.0/0"}}}, "linodes": []any{"1234"}, "timeouts": everyTimeout(),
		},
		"atoll_mesh_peer": {
			"ssh": everyWay("203.0.113.11"), "mesh": "site", "name": "hk1", "address": "10.77.0.11", "endpoint": "hk1.example", "port": 655, "mtu": 1400, "timeouts": everyTimeout(),
		},
		"atoll_mesh": {
			"name": "site", "cidr": "10.77.0.0/24", "cipher": "aes-256-cbc", "digest": "sha256", "mac_length": 16, "ping_interval": 10, "ping_timeout": 5,
			"max_timeout": 30, "replay_window": 128, "timeouts": everyTimeout(),
			"peers": object{"hk1": object{
				"mesh": "site", "name": "hk1", "address": "10.77.0.11", "endpoint": "hk1.example", "port": 655, "public_key": publicKey, "ssh": everyWay("203.0.113.11"),
			}},
		},
		"atoll_mysql_server": {
			"ssh": everyWay("203.0.113.11"), "mesh": "site", "address": "10.77.0.11", "port": 3306, "server_id": 7, "package": "mysql-server",
			"settings": object{"max_connections": "200"}, "memory_mib": 2048, "guardian": false, "generate_primary_keys": true, "delete_data": true, "version": "9.7.5", "timeouts": everyTimeout(),
		},
		"atoll_mysql_cluster": {
			"name": "main", "members": object{"hk1": member}, "failover": "default", "expel_timeout": 5, "unreachable_majority_timeout": 0, "autorejoin_tries": 3, "consistency": "AFTER",
			"exit_state_action": "READ_ONLY", "transaction_size_limit": 0, "recovery_method": "auto", "timeouts": everyTimeout(),
			"primary": "hk1", "allow_full_stop": false, "single_leader": true, "rotate_recovery_accounts": "2026", "hidden_members": []any{"hk1"}, "draining_members": []any{}, "routers": []any{"203.0.113.11/shop"}, "routing_options": routed(), "metadata_version": "2.4.0", "mode": "single-primary", "weights": object{"hk1": 70}, "import_from": object{"address": "old.example", "port": 3306, "user": "cloner", "password": "a secret", "ssl_ca": certificate}, "quorum_survivors": []any{"hk1"},
		},
		"atoll_mysql_router": {
			"ssh": everyWay("203.0.113.11"), "name": "shop", "cluster": object{"cluster": "main", "cluster_id": "b2c1", "connect_timeout": 2, "read_timeout": 3, "members": object{"hk1": member}}, "bind_address": "127.0.0.1", "package": "mysql-router",
			"ports": object{"read_write": 6446, "read_only": 6447, "read_write_split": 6450}, "connect_timeout": 2, "read_timeout": 3, "client_tls": "REQUIRED", "server_tls": "REQUIRED", "routing_options": routed(), "timeouts": everyTimeout(),
		},
		"atoll_file_tier": {
			"name": "files", "mesh": "site", "hot": "/srv/files", "owner": "www-data", "hub": "app1", "pairs": nil, "ignore": []any{"Name *.tmp"}, "conflicts": "newer", "xattrs": true,
			"initial": "from:app1", "memory_mib": 512, "timeouts": everyTimeout(),
			"nodes": object{"app1": object{"ssh": everyWay("203.0.113.21"), "address": "10.77.0.21", "port": 22, "hot": "/srv/other", "cold": "/srv/old", "owner": "deploy"}},
			"cold":  "/srv/archive", "cold_schedule": "03:30", "cold_bandwidth_kib": 2048, "cold_reserve_mib": 512, "cold_deletions": []any{"2026/01/02/a file"},
			"hot_days": 30, "layout": "%Y-%m-%d", "quiet_minutes": 5, "grace_hours": 2, "cold_reserve_inodes": 100, "scrub_schedule": "04:30", "scrub_days": 7,
		},
	}
}

// block is the provider block with all that it may have.
func block() object {
	return object{
		"ssh": object{
			"keys": object{"office": "a key"}, "key_files": object{}, "passphrases": object{"office": "secret"}, "agent": false,
			"sudo_passwords": object{"admin": "secret"}, "timeout": "10s", "watcher": false,
		},
		"linode": object{"token": "t", "url": "https://api.example/v4", "ca_file": "/nowhere", "poll_interval": "8s"},
		"lost":   []any{"203.0.113.99"}, "read_only": false,
	}
}

// A resource whose attributes are not all in the tables below is not tested.
func TestEverythingIsEverything(t *testing.T) {
	response := schemas(t)
	for resource := range response.ResourceSchemas {
		if everything()[resource] == nil {
			t.Errorf("%s is not tested", resource)
		}
	}
	for resource, config := range everything() {
		complete(t, resource, response.ResourceSchemas[resource].Block.Attributes, config)
	}
	complete(t, "provider", response.Provider.Block.Attributes, block())
}

func complete(t *testing.T, at string, attributes []*tfprotov6.SchemaAttribute, config object) {
	t.Helper()
	for _, attribute := range attributes {
		given, found := config[attribute.Name]
		if !attribute.Required && !attribute.Optional {
			continue
		}
		if !found {
			t.Errorf("%s.%s is not tested", at, attribute.Name)
		}
		if attribute.NestedType == nil {
			continue
		}
		for _, inner := range objectsIn(attribute.NestedType.Nesting, given) {
			complete(t, at+"."+attribute.Name, attribute.NestedType.Attributes, inner)
		}
	}
}

// objectsIn are the objects of a nested attribute, whatever its nesting.
func objectsIn(nesting tfprotov6.SchemaObjectNestingMode, given any) []object {
	var inside []any
	switch typed := given.(type) {
	case []any:
		inside = typed
	case object:
		if nesting != tfprotov6.SchemaObjectNestingModeMap {
			return []object{typed}
		}
		inside = slices.Collect(maps.Values(typed))
	}
	var all []object
	for _, one := range inside {
		nested, _ := one.(object)
		all = append(all, nested)
	}
	return all
}

// variants are a configuration with one value after another replaced, by the path
// of the value.
func variants(given any, replace func(leaf any) []any) map[string][]any {
	all := map[string][]any{}
	all[""] = append(all[""], replace(given)...)
	within := func(name string, inner any, put func(instead any) any) {
		for path, changed := range variants(inner, replace) {
			for _, one := range changed {
				all[name+path] = append(all[name+path], put(one))
			}
		}
	}
	switch typed := given.(type) {
	case object:
		for name, inner := range typed {
			within("."+name, inner, func(instead any) any {
				copied := maps.Clone(typed)
				copied[name] = instead
				return copied
			})
		}
	case []any:
		for i, inner := range typed {
			within(fmt.Sprintf("[%d]", i), inner, func(instead any) any {
				copied := slices.Clone(typed)
				copied[i] = instead
				return copied
			})
		}
	}
	return all
}

// faults are what no configuration may bring about, whatever it lacks.
var faults = []string{"Value Conversion Error", "invalid plan", "inconsistent", "report", "Unsupported", "unexpected", "Received unknown", "Received null"}

// Each attribute, element and nested attribute may be unknown while a plan is
// made, and null: a plan comes of it, or an error that names what is missing.
func TestUnknownAndNullEverywhere(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), hoster(t).block)
	for resource, config := range everything() {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			kind := tf.kind(resource)
			planned, problems := tf.plan(resource, nil, write(kind, config))
			if problems != "" {
				t.Fatalf("as it is: %s", problems)
			}
			prior := &state{settled(planned.value), nil, ""}
			tried := 0
			for path, changed := range variants(config, func(any) []any { return []any{unknown{}, nil} }) {
				if path == "" {
					continue // there is always a configuration
				}
				for i, one := range changed {
					for _, before := range []*state{nil, prior} {
						tried++
						what := []string{"unknown", "null"}[i]
						_, problems := tf.plan(resource, before, write(kind, one))
						for _, fault := range faults {
							if strings.Contains(problems, fault) {
								t.Errorf("%s%s %s: %s", resource, path, what, problems)
							}
						}
						if what == "unknown" && problems != "" {
							t.Errorf("%s%s unknown is refused: %s", resource, path, problems)
						}
					}
				}
			}
			if tried < 40 {
				t.Errorf("only %d variants", tried)
			}
		})
	}
}

// settled makes a state of a plan: what is not known becomes something.
func settled(planned tftypes.Value) tftypes.Value {
	value, err := tftypes.Transform(planned, func(_ *tftypes.AttributePath, value tftypes.Value) (tftypes.Value, error) {
		if value.IsKnown() {
			return value, nil
		}
		switch kind := value.Type(); {
		case kind.Is(tftypes.String):
			return tftypes.NewValue(kind, "x"), nil
		case kind.Is(tftypes.Number):
			return tftypes.NewValue(kind, 1), nil
		default:
			return tftypes.NewValue(kind, nil), nil
		}
	})
	if err != nil {
		panic(err)
	}
	return value
}

// The same of the provider block, of which much may come from other resources.
func TestUnknownAndNullInTheProviderBlock(t *testing.T) {
	t.Parallel()
	tried := 0
	given := block()
	given["ssh"].(object)["keys"] = object{}
	given["ssh"].(object)["passphrases"] = object{}
	for _, whole := range []object{given, {"ssh": object{"keys": object{"office": unknown{}}, "key_files": object{"home": unknown{}}}, "lost": []any{unknown{}}}} {
		for path, changed := range variants(whole, func(any) []any { return []any{unknown{}, nil} }) {
			if path == "" {
				continue
			}
			for i, one := range changed {
				tried++
				_, problems := configured(t, &remotetest.Network{}, one.(object))
				for _, fault := range faults {
					if strings.Contains(problems, fault) {
						t.Errorf("provider%s: %s", path, problems)
					}
				}
				if i == 0 && problems != "" {
					t.Errorf("provider%s unknown is refused: %s", path, problems)
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d variants", tried)
	}
}

// free are strings that may be anything but several lines: what MySQL or the
// kernel or Linode make of it is theirs to say, or it names a file, which may be
// called so, and our writers quote it.
var free = []string{".settings.", ".sysctls.", ".cluster.cluster", ".timeouts.", ".tags", ".rotate_recovery_accounts", ".user_data", ".cold_deletions", ".import_from.password"}

// certificate is one of an authority.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUL4ZQLdiHkoeFgz0sifiQJhI5jfkwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDb2xkMCAXDTI2MTEyNzAwNDkyOFoYDzIxMjYxMTAzMDA0OTI4
WjAOMQwwCgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ6prJf
mXxKwEbG/jly9R7o4rIGFSkLKPuYKk53eIhWgEaCfJtPlM3DRrKuxcP04Uv0ZySu
gXa63qHlf8eWtZeHo1MwUTAdBgNVHQ4EFgQUF5eczVtsqa9QkR+FVsCybx1ABhUw
HwYDVR0jBBgwFoAUF5eczVtsqa9QkR+FVsCybx1ABhUwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiAdyi7LNXsF2jvHPdd8epzwmgaVkhaGPxE2Acwv
X9Rc/wIhAOENE013hlyzl1hmWkw8UvUhYK+H1FzoOHFYka0G5Jbo
-----END CERTIFICATE-----
`

// Nothing that is written goes on where it ends: neither in a file of lines nor
// in a shell.
func TestHostileStringsAreRefused(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), hoster(t).block)
	hostile := []any{"a\nSubnet = 0.0.0.0/0", "a\rb", "a\x00b", "$(reboot)", "`reboot`", "a;reboot", "a' b", "a\" b", "a|b", "a>b", "-a b&", "%n a", "a\u0085b", "a\u2028b", "a\u2029b", "\x1b[2J", "a\x7fb", ""}
	for resource, config := range everything() {
		kind, tried := tf.kind(resource), 0
		for path, changed := range variants(config, func(leaf any) []any {
			if _, isText := leaf.(string); isText {
				return hostile
			}
			return nil
		}) {
			for i, one := range changed {
				value, _ := hostile[i].(string)
				breaks := converge.OneLine("it", value) != nil
				isFree := slices.ContainsFunc(free, func(name string) bool { return strings.Contains(path, name) })
				if isFree && !breaks {
					continue
				}
				tried++
				if _, problems := tf.plan(resource, nil, write(kind, one)); problems == "" {
					t.Errorf("%s%s takes %q", resource, path, value)
				}
			}
		}
		if tried < 20 {
			t.Errorf("%s: only %d strings tried", resource, tried)
		}
	}
}

// The names in a map are texts as any other: of a setting, of a kernel setting,
// and those that lines of drift begin with.
func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	tried := 0
	for resource, config := range everything() {
		for attribute, given := range config {
			names, isMap := given.(object)
			if !isMap || !slices.Contains([]string{"settings", "sysctls", "peers", "members"}, attribute) {
				continue
			}
			for _, name := range []string{"a\nvm.swappiness", "a\rb", "a\x00b", "a\u2028b", "\x1b[2J", ""} {
				changed, renamed := maps.Clone(config), object{}
				for _, value := range names {
					renamed[name] = value
				}
				changed[attribute] = renamed
				tried++
				if _, problems := tf.plan(resource, nil, write(tf.kind(resource), changed)); problems == "" {
					t.Errorf("%s.%s takes the name %q", resource, attribute, name)
				}
			}
		}
	}
	if tried != 4*6 {
		t.Errorf("%d names tried", tried)
	}
}

// What may be a secret is not repeated by an error.
func TestErrorsRepeatNoSecret(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), hoster(t).block)
	const secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----\n"
	// What the provider remembers of one is not said of the next.
	router := everything()["atoll_mysql_router"]
	for _, name := range []string{strings.ReplaceAll(secret, "\n", " "), "main"} {
		router["cluster"].(object)["cluster"] = name
		if _, problems := tf.plan("atoll_mysql_router", nil, write(tf.kind("atoll_mysql_router"), router)); strings.Contains(problems, "b3BlbnNzaC1") {
			t.Errorf("cluster.cluster: %s", problems)
		}
	}
	for resource, config := range everything() {
		kind := tf.kind(resource)
		for path, changed := range variants(config, func(leaf any) []any {
			if _, isText := leaf.(string); isText {
				return []any{secret, strings.ReplaceAll(secret, "\n", " ")}
			}
			return nil
		}) {
			if strings.Contains(path, ".timeouts.") {
				continue // the library's own
			}
			for _, one := range changed {
				if _, problems := tf.plan(resource, nil, write(kind, one)); strings.Contains(problems, "b3BlbnNzaC1") {
					t.Errorf("%s%s: %s", resource, path, problems)
				}
			}
		}
	}
}

// Where a misspelt attribute is missed, a warning says so: Terraform itself drops
// what an object does not have.
func TestWarningsWhereSomethingIsMissed(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	for _, row := range []struct {
		ssh  object
		want string
	}{
		{sshTo("203.0.113.11"), ""},
		{object{"host": "203.0.113.11"}, "ssh.host_key is not set"},
		{object{"host": "203.0.113.11", "host_key": hostKey, "jumps": []any{object{"host": "203.0.113.1"}}}, "ssh.jumps[0].host_key is not set"},
		{object{"host": "203.0.113.11", "host_key": unknown{}}, ""},
	} {
		planned, problems := tf.plan("atoll_host", nil, write(tf.kind("atoll_host"), object{"ssh": row.ssh}))
		if problems != "" || row.want == "" && planned.warnings != "" || !strings.Contains(planned.warnings, row.want) {
			t.Errorf("%v: %q, want %q; %s", row.ssh, planned.warnings, row.want, problems)
		}
	}
	for _, row := range []struct {
		block object
		want  string
	}{
		{object{}, ""},
		{object{"ssh": object{}}, "there is no key to log in with"},
		{object{"ssh": object{"agent": true}}, ""},
		{object{"lost": []any{"hk1"}}, "is the name of a node"},
		{object{"lost": []any{"203.0.113.11", "hk1.example"}}, ""},
	} {
		tf, problems := configured(t, &remotetest.Network{}, row.block)
		if problems != "" || row.want == "" && tf.warnings != "" || !strings.Contains(tf.warnings, row.want) {
			t.Errorf("%v: %q, want %q; %s", row.block, tf.warnings, row.want, problems)
		}
	}
}
