// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

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
	exported := maps.Clone(member)
	exported["created"] = "2026-11-28T13:05:22.123Z"
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
			"ping": true, "open": object{"web": object{"protocol": "tcp", "ports": []any{"443"}, "from": []any{"0.0.0.0/0"}}}, "linodes": []any{strconv.Itoa(bystander)}, "timeouts": everyTimeout(),
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
			"name": "main", "members": object{"hk1": exported}, "failover": "default", "expel_timeout": 5, "unreachable_majority_timeout": 0, "autorejoin_tries": 3, "consistency": "AFTER",
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
