// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// made builds a package of nothing.
func made(t *testing.T, pool, name string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "DEBIAN")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	control := fmt.Sprintf("Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: nothing\n", name)
	if err := os.WriteFile(filepath.Join(dir, "control"), []byte(control), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "--build", filepath.Dir(dir), filepath.Join(pool, name+"_1_all.deb")).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v: %s", err, out)
	}
}

func TestRepositoryIsIndexed(t *testing.T) {
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("needs dpkg-deb, as every Debian has it")
	}
	dir := t.TempDir()
	pool := filepath.Join(dir, "pool")
	if err := os.Mkdir(pool, 0o755); err != nil {
		t.Fatal(err)
	}
	made(t, pool, "second")
	made(t, pool, "first")
	if err := index(t.Context(), dir, time.Date(2026, 11, 5, 7, 8, 9, 0, time.FixedZone("", 3600))); err != nil {
		t.Fatal(err)
	}
	lists, _ := filepath.Glob(filepath.Join(dir, "dists/trixie/mysql/binary-*/Packages"))
	if len(lists) != 1 {
		t.Fatalf("lists %v", lists)
	}
	packages, err := os.ReadFile(lists[0])
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(strings.TrimSpace(string(packages)), "\n\n")
	if len(blocks) != 2 || !strings.HasPrefix(blocks[0], "Package: first\n") || !strings.HasPrefix(blocks[1], "Package: second\n") {
		t.Fatalf("packages\n%s", packages)
	}
	content, err := os.ReadFile(filepath.Join(pool, "first_1_all.deb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Filename: pool/first_1_all.deb", fmt.Sprintf("Size: %d", len(content)), fmt.Sprintf("SHA256: %x", sha256.Sum256(content))} {
		if !strings.Contains(blocks[0]+"\n", "\n"+want+"\n") {
			t.Errorf("%s\nlacks %s", blocks[0], want)
		}
	}
	release, err := os.ReadFile(filepath.Join(dir, "dists/trixie/Release"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Date: Thu, 05 Nov 2026 06:08:09 UTC", fmt.Sprintf(" %x %d mysql/binary-", sha256.Sum256(packages), len(packages))} {
		if !strings.Contains(string(release), "\n"+want) {
			t.Errorf("%s\nlacks %s", release, want)
		}
	}
}

func TestSourceIsWhatAptReads(t *testing.T) {
	got := Repository{URI: "http://192.0.2.20", Suite: "trixie", Component: "mysql"}.Source("/etc/apt/keyrings/lab.asc")
	if want := "Types: deb\nURIs: http://192.0.2.20\nSuites: trixie\nComponents: mysql\nSigned-By: /etc/apt/keyrings/lab.asc\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestKindsOfRoots(t *testing.T) {
	config := Config{Root: Stock, Hosts: []HostSpec{{Name: "a"}, {Name: "b", Root: Bare}}}
	if got := fmt.Sprint(config.kinds()); got != "[bare stock]" {
		t.Errorf("kinds %s", got)
	}
	// What a hoster's API makes needs cloud-init, which no stock host has.
	for root, want := range map[RootKind]RootKind{Stock: Bare, Bare: Bare, Prepared: Prepared} {
		if got := (Config{Root: root}).kind(HostSpec{Cloud: &Cloud{}}); got != want {
			t.Errorf("a Linode in a lab of %s hosts is %s, want %s", root, got, want)
		}
	}
}
