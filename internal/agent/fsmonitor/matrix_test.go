// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
)

// TestMain is the helper itself where unison starts the test under its name.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "unison-fsmonitor") {
		os.Exit(agent.Main(context.Background(), []agent.Role{Role}, os.Args, agent.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// versions are the unisons that are tested: directories below the one that the
// environment names, made by testdata/unison.sh.
func versions(t *testing.T) map[string]string {
	dir := os.Getenv("ATOLL_TEST_UNISON")
	if dir == "" {
		t.Skip("ATOLL_TEST_UNISON names no directory with unisons: make test-unison")
	}
	found := map[string]string{}
	for _, version := range []string{"2.52", "2.53"} {
		found[version] = filepath.Join(dir, version, "unison")
		if _, err := os.Stat(found[version]); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// matrix runs a test with each version as client and as server.
func matrix(t *testing.T, test func(*testing.T, *pair)) {
	found := versions(t)
	for client := range found {
		for server := range found {
			t.Run(client+" with "+server, func(t *testing.T) {
				t.Parallel()
				p := newPair(t, found[client], found[server])
				p.start()
				test(t, p)
			})
		}
	}
}

// What happens on both sides at once arrives on the other, without a full scan.
func TestUnisonFollows(t *testing.T) {
	matrix(t, func(t *testing.T, p *pair) {
		first := filepath.Join(p.here, "first")
		write(t, first)
		p.until("the first file arrives", p.exists(filepath.Join(p.there, "first")))
		for round := range uint64(3) {
			for side, root := range map[string]string{"here": p.here, "there": p.there} {
				m := &monkey{t: t, random: rand.New(rand.NewPCG(round, uint64(len(side)))), root: filepath.Join(root, "by-"+side), outside: filepath.Join(p.top, side)}
				if err := os.MkdirAll(m.root, 0o700); err != nil {
					t.Fatal(err)
				}
				for m.made = int(round) * 1000; m.made < int(round)*1000+40; {
					m.act()
				}
			}
			took := p.until("both trees are the same", p.same)
			t.Logf("round %d: the same after %s", round, took.Round(time.Millisecond))
		}
	})
}

// A day that turns into a link on both sides, one after the other, is never
// carried by unison, and writes on either side in between are kept.
func TestUnisonCarriesNoFlip(t *testing.T) {
	matrix(t, func(t *testing.T, p *pair) {
		day := "2026/01/02"
		for _, root := range []string{p.here, p.there} {
			if err := os.MkdirAll(filepath.Join(root, "../cold", day), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.MkdirAll(filepath.Join(p.here, day), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(p.here, day, "file"))
		p.until("the day arrives", p.exists(filepath.Join(p.there, day, "file")))
		flip := func(root string) {
			t.Helper()
			out, err := exec.Command("cp", "-a", filepath.Join(root, day)+"/.", filepath.Join(root, "../cold", day)).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			prepared := filepath.Join(root, ".tier/2026-01-02")
			if err := errors.Join(os.Symlink("../../../cold/"+day, prepared), exchange(prepared, filepath.Join(root, day))); err != nil {
				t.Fatal(err)
			}
		}
		flip(p.here)
		p.until("unison skips the flip", func() bool { return strings.Contains(p.said(), "skipped: "+day) })
		write(t, filepath.Join(p.there, day, "late"))
		p.until("what is written below the other side's day arrives in cold", p.exists(filepath.Join(p.here, "../cold", day, "late")))
		flip(p.there)
		p.stop()
		p.start()
		write(t, filepath.Join(p.there, "after"))
		p.until("unison goes on", p.exists(filepath.Join(p.here, "after")))
		if said := p.said(); strings.Contains(said, "skipped: ") {
			t.Errorf("something is still skipped after both flips:\n%s", said)
		}
		for _, root := range []string{p.here, p.there} {
			for _, name := range []string{"file", "late"} {
				if _, err := os.Stat(filepath.Join(root, day, name)); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}
