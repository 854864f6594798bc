// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// probing runs a prober on a tree, as it is started, and gives what it tells.
func probing(t *testing.T, p *prober) (told <-chan tier.Probe, said <-chan string) {
	t.Helper()
	probes, words := make(chan tier.Probe, 10), make(chan string, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.run(ctx, func() bool { return true }, func(probe tier.Probe) { probes <- probe }, func(text string) { words <- text })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if _, err := os.Lstat(p.path()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the probe is left: %v", err)
		}
	})
	return probes, words
}

func testProber(t *testing.T) *prober {
	t.Helper()
	return newProber(tier.Pair{Node: "app1", Peer: "app2", Hot: t.TempDir()}, nil)
}

func (p *prober) isThere() bool {
	_, err := os.Lstat(p.path())
	return err == nil
}

func TestProbeMeasures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testProber(t)
		journal := &journal{now: time.Now, changed: func(tier.PairStatus) {}, probe: p}
		// A killed process left it.
		if err := os.WriteFile(p.path(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		told, _ := probing(t, p)
		for range 2 {
			time.Sleep(settling)
			synctest.Wait()
			if !p.isThere() {
				t.Fatal("there is no probe")
			}
			time.Sleep(2300 * time.Millisecond)
			// Another path is not it.
			journal.line("[END] Copying x" + p.name() + "x")
			journal.line("[END] Copying " + p.name())
			if probe := <-told; probe.Milliseconds != 2300 || !probe.At.Equal(time.Now()) {
				t.Errorf("%+v", probe)
			}
			if p.isThere() {
				t.Error("the probe stays")
			}
			// Taking it away is carried, too.
			journal.line("[END] Deleting " + p.name())
			time.Sleep(p.every)
		}
	})
}

// A process that follows another goes on with its hours.
func TestProbeOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for age, want := range map[time.Duration]time.Duration{-time.Hour: 0, 0: probeEvery, 40 * time.Minute: 20 * time.Minute, 3 * time.Hour: 0} {
			if p := newProber(tier.Pair{}, &tier.Probe{At: time.Now().Add(-age)}); p.first != want {
				t.Errorf("the last one was %s ago: wait for %s, want %s", age, p.first, want)
			}
		}
	})
}

// Unison was started anew after it had carried the probe, before it said so.
func TestProbeOfAnotherUnison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testProber(t)
		told, _ := probing(t, p)
		older := &journal{now: time.Now, began: time.Now().Add(time.Second), changed: func(tier.PairStatus) {}, probe: p}
		time.Sleep(settling)
		synctest.Wait()
		time.Sleep(5 * time.Second)
		older.line("Nothing to do: replicas have not changed since last sync.")
		synctest.Wait()
		if len(told) > 0 || !p.isThere() {
			t.Fatal("a reading that began before it says nothing of it")
		}
		newer := &journal{now: time.Now, began: time.Now(), changed: func(tier.PairStatus) {}, probe: p}
		newer.line(incomplete + " at 02:20:41  (0 items transferred, 0 skipped, 1 failed)")
		synctest.Wait()
		if len(told) > 0 {
			t.Fatal("what was not whole says nothing of it")
		}
		time.Sleep(time.Second)
		newer.line("Nothing to do: replicas have not changed since last sync.")
		if probe := <-told; probe.Milliseconds != 6000 {
			t.Errorf("%+v", probe)
		}
	})
}

// Whoever may write in the tree lays a link where the probe would be.
func TestProbeFollowsNoLink(t *testing.T) {
	p := testProber(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Symlink(outside, p.path()); err != nil {
		t.Fatal(err)
	}
	if err := p.write(); err == nil || !strings.Contains(err.Error(), "file exists") {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(outside); err == nil {
		t.Error("the link was followed")
	}
}

// What 2.52 and 2.53 say of what they carry.
func TestBacklog(t *testing.T) {
	var told []int
	now := time.Unix(1, 0)
	j := &journal{now: func() time.Time { now = now.Add(time.Minute); return now }, probe: newProber(tier.Pair{}, nil)}
	j.changed = func(status tier.PairStatus) {
		left := -1
		if status.Backlog != nil {
			left = *status.Backlog
		}
		told = append(told, left)
	}
	j.read(strings.NewReader("Looking for changes\n- f1\r    \rReconciling changes\n" +
		"dir      ---->            d  \nfile     ---->            f1  \n         <---- changed    e  \nchanged  <-?-> changed    both  \n" +
		"\n3 items will be synced, 1 skipped\n9 B to be synced from a to b\nPropagating updates\n" +
		"Starting...\r           \r[BGN] Copying d from /a to /b\n 15%  0/4  (2 B of 9 B)  --:-- ETA\r                 \r[END] Copying d\n" +
		"Failed [f1]: Error in creating file:\nno space left\n 50%  00:00 ETA\r       \r[END] Updating file e\n" +
		incomplete + " at 17:06:13  (2 items transferred, 1 skipped, 1 failed)\n"))
	want := []int{-1, 3, 2, 1, 0, 0}
	if len(told) != len(want) {
		t.Fatalf("%v, want %v", told, want)
	}
	for i := range want {
		if told[i] != want[i] {
			t.Fatalf("%v, want %v", told, want)
		}
	}
}
