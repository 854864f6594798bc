// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

func guide(t *testing.T, name string) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, "templates", "guides", name+".md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// The guide's numbers are those that a server of that size gets.
func TestSizingGuideSaysWhatIsSet(t *testing.T) {
	text := guide(t, "sizing")
	rows := regexp.MustCompile(`(?m)^\| (\d+) MiB \| (\d+) MiB \| (\d+) MiB \|$`).FindAllStringSubmatch(text, -1)
	if len(rows) < 5 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		memory, err := strconv.ParseUint(row[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, setting := range (mysqld.Config{MemoryBytes: memory << 20, ServerID: 1, Port: 3306}).Settings() {
			if bytes, err := strconv.ParseUint(setting.Value, 10, 64); err == nil {
				got[strings.TrimPrefix(setting.Name, "loose_")] = fmt.Sprint(bytes >> 20)
			}
		}
		if got["innodb_buffer_pool_size"] != row[2] || got["group_replication_message_cache_size"] != row[3] {
			t.Errorf("%s: a machine gets %s and %s", row[0], got["innodb_buffer_pool_size"], got["group_replication_message_cache_size"])
		}
	}
	if want := fmt.Sprintf("has %d MiB", mysqld.LeastMemory>>20); !strings.Contains(text, want) {
		t.Errorf("the smallest machine %s", want)
	}
}

// The fingerprint of MySQL's key is one and the same wherever it stands.
func TestPackagesGuideHasTheModulesFingerprint(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	variables, err := os.ReadFile(filepath.Join(root, "examples", "modules", "site", "variables.tf"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`fingerprint +=.*"([0-9A-F ]{49})"`).FindSubmatch(variables)
	if found == nil || !strings.Contains(guide(t, "packages"), string(found[1])) {
		t.Errorf("the module has %q, and the guide another", found)
	}
}
