// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const gibibyte = 1 << 30

func lookup(c Config) map[string]string {
	values := map[string]string{}
	for _, setting := range c.Settings() {
		values[normalName(setting.Name)] = setting.Value
	}
	return values
}

func TestSettingsFollowTheVersion(t *testing.T) {
	for version, want := range map[string]map[string]bool{
		"8.0.36": {"replica_parallel_type": true, "replica_preserve_commit_order": true, "binlog_transaction_dependency_tracking": true},
		// 8.4.0 does not start with it any more.
		"8.4.3": {"replica_parallel_type": false, "binlog_transaction_dependency_tracking": false},
		"9.7.4": {"replica_parallel_type": false, "binlog_transaction_dependency_tracking": false},
	} {
		values := lookup(Config{Address: "10.0.0.1", Port: 3306, ServerID: 7, MemoryBytes: 4 * gibibyte, Version: ParseVersion(version)})
		for name, wanted := range want {
			if _, there := values[name]; there != wanted {
				t.Errorf("%s: %s is there: %v", version, name, there)
			}
		}
		if values["bind_address"] != "10.0.0.1" || values["report_host"] != "10.0.0.1" || values["gtid_mode"] != "ON" || values["server_id"] != "7" {
			t.Errorf("%s: %v", version, values)
		}
	}
}

func TestSizing(t *testing.T) {
	for _, row := range []struct {
		memory      uint64
		pool, cache uint64
	}{
		{768 * mebibyte, 128, 128}, {1 * gibibyte, 256, 128}, {2 * gibibyte, 896, 256},
		{4 * gibibyte, 2048, 512}, {8 * gibibyte, 4608, 1024}, {32 * gibibyte, 21760, 1024},
	} {
		values := lookup(Config{MemoryBytes: row.memory})
		pool, _ := parseBytes(values[poolName])
		cache, _ := parseBytes(values[cacheName])
		if pool != row.pool*mebibyte || cache != row.cache*mebibyte {
			t.Errorf("%s: pool %s, cache %s; want %d and %d MiB", mebibytes(row.memory), mebibytes(pool), mebibytes(cache), row.pool, row.cache)
		}
		if problems := (Config{MemoryBytes: row.memory}).CheckMachine(Facts{MemoryBytes: row.memory, HasData: true}); len(problems) > 0 {
			t.Errorf("%s: %v", mebibytes(row.memory), problems)
		}
	}
}

func TestCheckMachine(t *testing.T) {
	small := Config{MemoryBytes: 600 * mebibyte}
	if got := fmt.Sprint(small.CheckMachine(Facts{MemoryBytes: small.MemoryBytes, HasData: true})); !strings.Contains(got, "the machine has 600 MiB") || !strings.Contains(got, "at least 768 MiB") {
		t.Errorf("too little memory: %s", got)
	}
	greedy := Config{MemoryBytes: 2 * gibibyte, Own: map[string]string{"innodb-buffer-pool-size": "4G"}}
	if got := fmt.Sprint(greedy.CheckMachine(Facts{MemoryBytes: greedy.MemoryBytes, HasData: true})); !strings.Contains(got, "innodb_buffer_pool_size 4096 MiB") {
		t.Errorf("a pool that does not fit: %s", got)
	}
	full := Config{MemoryBytes: 2 * gibibyte}
	if got := fmt.Sprint(full.CheckMachine(Facts{DiskFreeBytes: 500 * mebibyte})); !strings.Contains(got, "needs 1124 MiB") || !strings.Contains(got, "500 MiB are free") {
		t.Errorf("a disk that is too small: %s", got)
	}
	if problems := full.CheckMachine(Facts{DiskFreeBytes: 500 * mebibyte, HasData: true}); len(problems) > 0 {
		t.Errorf("a server that stands there already: %v", problems)
	}
}

// A VPS reports less than its type promises; a machine that is shared has more
// than the server may use.
func TestGivenMemory(t *testing.T) {
	for _, row := range []struct {
		given, has uint64
		want       string
	}{
		{1024, 962, ""}, {2048, 1966, ""}, {2048, 8192, ""}, {8192, 2048, "lower memory_mib, which is 8192,"},
	} {
		facts := Facts{MemoryBytes: row.has * mebibyte, HasData: true}
		config := Config{GivenMemory: row.given * mebibyte}.sizedFor(facts)
		drift := config.memoryDrift(facts.MemoryBytes)
		got := fmt.Sprint(config.CheckMachine(facts))
		if row.want == "" && (got != "[]" || len(drift) > 0) || !strings.Contains(got, row.want) || row.want != "" && len(drift) != 1 {
			t.Errorf("%d MiB given, %d there: %s, drift %q", row.given, row.has, got, drift)
		}
	}
	if c := (Config{}).sizedFor(Facts{MemoryBytes: gibibyte}); c.MemoryBytes != gibibyte {
		t.Errorf("without a word of the user: %d", c.MemoryBytes)
	}
}

func TestSame(t *testing.T) {
	for _, row := range []struct {
		name, want, is string
		same           bool
	}{
		{"a", "ON", "1", true}, {"a", "off", "OFF", true}, {"a", "ON", "OFF", false}, {"a", "64M", "67108864", true}, {"a", "64M", "64", false},
		{"a", "0.5", "0.500000", true}, {"a", "'x'", "x", true}, {"a", "x", "y", false},
		{"sql_mode", "ansi,NO_BACKSLASH_ESCAPES", "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY,ANSI,NO_BACKSLASH_ESCAPES", true},
		{"sql_mode", "TRADITIONAL", "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,TRADITIONAL,NO_ENGINE_SUBSTITUTION", true},
		{"sql_mode", "NO_ENGINE_SUBSTITUTION, STRICT_TRANS_TABLES", "STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION", true}, {"sql_mode", "", "", true},
		{"sql_mode", "", "STRICT_TRANS_TABLES", false}, {"sql_mode", "ANSI", "ANSI_QUOTES", false}, {"sql_mode", "STRICT_TRANS_TABLES", "STRICT_TRANS_TABLES,ANSI_QUOTES", false},
		{"log_output", "TABLE,FILE", "FILE,TABLE", true}, {"log_output", "TABLE", "FILE,TABLE", false},
		{"optimizer_switch", "mrr=off", "index_merge=on,mrr=off,mrr_cost_based=on", true}, {"optimizer_switch", "mrr=on,index_merge=on", "index_merge=on,mrr=off", false},
		{"tls_ciphersuites", "a,b", "b,a", false},
		{poolName, "1000000000", "1073741824", true}, {poolName, "1073741824", "268435456", false},
	} {
		if got := same(row.name, row.want, row.is); got != row.same {
			t.Errorf("%s: %q and %q: %v", row.name, row.want, row.is, got)
		}
	}
}

func TestSettingsFileReadBack(t *testing.T) {
	config := Config{Address: "10.0.0.1", Port: 3307, ServerID: 9, MemoryBytes: 2 * gibibyte, Version: ParseVersion("9.7.4"), GeneratesKeys: "ON", Own: map[string]string{"max_connections": "77"}}
	found, err := parseFile(string(config.file()) + "after tinc@site.service\n")
	if err != nil {
		t.Fatal(err)
	}
	found.MemoryBytes, found.Version = config.MemoryBytes, config.Version
	found.dropDefaults()
	if found.Address != "10.0.0.1" || found.Port != 3307 || found.ServerID != 9 || found.After != "tinc@site.service" || found.GeneratesKeys != "ON" || fmt.Sprint(found.Own) != "map[max_connections:77]" {
		t.Errorf("read back as %+v", found)
	}
}

func TestFacts(t *testing.T) {
	s, err := readFacts("memory 2147483648 bytes\nfree 1000 bytes\ndata\ninstalled ii  9.7.4-2\nother ii  mariadb-server\nlists\ncandidate 9.7.4-2\nend\n")
	if err != nil || s.MemoryBytes != 2*gibibyte || !s.HasData || s.Installed.String() != "9.7.4" || s.MariaDB != "mariadb-server" || !s.Lists {
		t.Errorf("%+v", s)
	}
	if got := fmt.Sprint((Config{}).Check(s)); !strings.Contains(got, "no Group Replication") {
		t.Errorf("MariaDB: %s", got)
	}
	none, err := readFacts("memory 2147483648 bytes\nfree 99999999999 bytes\nlists\ncandidate (none)\nend\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint((Config{}).Check(none)); !strings.Contains(got, "none of the machine's package sources") {
		t.Errorf("no package: %s", got)
	}
	for version, want := range map[string]string{"8.0.26": "too old", "5.7.44": "too old", "10.1.0": "newer than", "9.7.4": "[]", "8.4.0": "[]"} {
		got := fmt.Sprint((Config{MemoryBytes: gibibyte}).Check(Facts{Installed: ParseVersion(version), HasData: true}))
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

// Whether tables get keys is said in one place.
func TestGeneratedKeysAreDeclaredOnce(t *testing.T) {
	for _, row := range []struct {
		declared, name string
		refused        bool
	}{
		{"ON", "sql-generate-invisible-primary-key", true}, {"OFF", "sql_generate_invisible_primary_key", true},
		{"", "sql_generate_invisible_primary_key", false}, {"ON", "max_connections", false},
	} {
		err := Config{GeneratesKeys: row.declared, Own: map[string]string{row.name: "ON"}}.CheckGeneratedKeys()
		if (err != nil) != row.refused || err != nil && !strings.Contains(err.Error(), row.name) {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

// What mysqld does not take is told by the attribute that the user wrote.
func TestBlame(t *testing.T) {
	c := Config{Own: map[string]string{"sql-mode": "x", "max_connections": "12x", "connections": "1"}}
	for said, want := range map[string]string{
		"[ERROR] [MY-000077] [Server] /usr/sbin/mysqld: Error while setting value 'x' to 'sql_mode'.": `settings["sql-mode"] = "x": correct it`,
		"Unknown suffix 'x' used for variable 'max_connections' (value '12x').":                       `settings["max_connections"] = "12x": correct it`,
		"unknown option '--sql-mode=x'": `settings["sql-mode"] = "x": correct it`,
		"no room":                       "no room",
	} {
		if got := c.blame(errors.New(said)).Error(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, said) {
			t.Errorf("%q: %q", said, got)
		}
	}
	if err := c.blame(nil); err != nil {
		t.Error(err)
	}
}
