// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A source that is declared, by a user whose sudo asks: one that its key does not
// sign leaves no trace, the right one brings packages, shows an edit, and goes.
func TestStockHostTakesDeclaredSources(t *testing.T) {
	f, repository := stock(t)
	const name, file, pin = "hk2", "/etc/apt/sources.list.d/atoll-lab.sources", "/etc/apt/preferences.d/atoll-lab.pref"
	f.must(f.lab.Rebuild(f.Context(), name))
	host, err := f.lab.Inventory.Host(name)
	f.must(err)
	root, err := filepath.Abs("../provision/apt/testdata")
	f.must(err)
	config := func(sources string) string {
		return fmt.Sprintf("resource \"atoll_host\" \"h\" {\n  packages = [\"mysql-router\"]\n  ssh = { host = %q, host_key = %q, user = \"deploy\" }\n%s}\n", host.Address, host.HostKey, sources)
	}
	source := func(key, fingerprint string) string {
		return fmt.Sprintf("  apt_sources = { lab = { uris = [%q], suites = [%q], components = [%q], key = file(%q), fingerprint = %q, pin = { priority = 700 } } }\n",
			repository.URI, repository.Suite, repository.Component, key, fingerprint)
	}
	there := func() string { return f.on(name, "ls -A /etc/apt/sources.list.d /etc/apt/preferences.d") }
	before := there()

	wrong := written(t, f.lab, config(source(filepath.Join(root, "ed25519.asc"), "011BAA842FCAEB185798B69330F506F7DFC3E73C")))
	if err := wrong.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "fetch the lists of apt source lab") || !strings.Contains(err.Error(), repository.URI) {
		t.Errorf("a source that its key does not sign: %v", err)
	}
	if after := there(); after != before {
		t.Errorf("it left\n%s\nand before there was\n%s", after, before)
	}

	// Another key for the same repository, by hand, would end all work of apt.
	f.on(name, "cat >/etc/apt/sources.list.d/by-hand.sources <<'END'\n"+repository.Source("/usr/share/keyrings/debian-archive-keyring.gpg")+"END")
	f.terraform = written(t, f.lab, config(source(repository.KeyFile, repository.Fingerprint)))
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "beside the sources that are there (/etc/apt/sources.list.d/by-hand.sources)") || !strings.Contains(err.Error(), "Signed-By") {
		t.Errorf("a source by hand with another key: %v", err)
	}
	f.on(name, "rm /etc/apt/sources.list.d/by-hand.sources")
	if after := there(); after != before {
		t.Errorf("it left\n%s\nand before there was\n%s", after, before)
	}

	f.apply()
	f.inSync()
	f.on(name, "apt-get -q -o APT::Update::Error-Mode=any update")
	if policy := f.on(name, "LC_ALL=C apt-cache policy mysql-router"); !strings.Contains(policy, " 700 "+repository.URI) {
		t.Errorf("apt knows of the pin: %s", policy)
	}
	if owner := f.on(name, "stat -c '%a %U %G' "+file+" "+pin); owner != "644 root root\n644 root root" {
		t.Errorf("the files are %s", owner)
	}

	f.on(name, "echo 'Enabled: no' >>"+file)
	if plan := f.plan(); strings.Join(plan.Drift["atoll_host.h"], "; ") != "file "+file+": content differs" {
		t.Errorf("drift: %v", plan.Drift)
	}
	f.apply()
	f.inSync()

	f.must(os.WriteFile(filepath.Join(f.terraform.Dir, "main.tf"), without(t, f.terraform.Dir, source(repository.KeyFile, repository.Fingerprint)), 0o600))
	f.apply()
	f.inSync()
	if after := there(); after != before {
		t.Errorf("taken out, there is still\n%s", after)
	}
	if offered := f.on(name, "LC_ALL=C apt-cache policy mysql-server | sed -n 's/ *Candidate: //p'"); offered != "" && offered != "(none)" {
		t.Errorf("mysql-server %s is still offered", offered)
	}
	f.must(f.terraform.Destroy(f.Context()))
}

// without is the configuration in dir without a part.
func without(t *testing.T, dir, part string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.Replace(string(content), part, "", 1))
}
