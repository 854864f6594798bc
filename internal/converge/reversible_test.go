// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// gate is a machine with a file that a change replaces and one that it adds.
type gate struct {
	*testing.T
	machine *remotetest.Machine
	host    remote.Host
}

func gateOf(t *testing.T) gate {
	t.Helper()
	machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.11", "key")
	if err == nil {
		err = machine.Write("/etc/gate's/conf", "before")
	}
	if err != nil {
		t.Fatal(err)
	}
	network := &remotetest.Network{Machines: map[string]*remotetest.Machine{"203.0.113.11": machine}}
	g := gate{t, machine, network.Host(remote.Target{Host: "203.0.113.11", HostKey: "key"})}
	t.Cleanup(g.ended) // before the directory goes
	return g
}

// ended waits for a host that is going back to come to its end: the files are as
// before some steps earlier.
func (g gate) ended() {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if going, _ := filepath.Glob(filepath.Join(g.machine.Root, "var/lib/atoll/way-back/*.back")); len(going) == 0 {
			return
		}
	}
	g.Error("the host is still going back")
}

// change replaces and adds; prove decides about it.
func (g gate) change(wait time.Duration, prove func(ctx context.Context) error) converge.Reversible {
	return converge.Reversible{
		Name: "gate", Keep: []string{"/etc/gate's/conf", "/etc/gate's/more"}, Wait: wait, Reload: "echo x >>/etc/reloads",
		Steps: []converge.Step{{Title: "change the gate", Script: "echo after >\"/etc/gate's/conf\"; echo more >\"/etc/gate's/more\""}},
		Prove: func(ctx context.Context) (remote.Host, error) { return g.host, prove(ctx) },
	}
}

// stands is what is in the files, those beside them included.
func (g gate) stands() string {
	g.Helper()
	entries, err := os.ReadDir(filepath.Join(g.machine.Root, "etc/gate's"))
	if err != nil {
		g.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(g.machine.Root, "etc/gate's", entry.Name()))
		if err != nil {
			continue // gone in the meantime
		}
		all = append(all, entry.Name()+"="+strings.TrimSpace(string(text)))
	}
	return strings.Join(all, " ")
}

// settled says what of the way back is left.
func (g gate) settled() string {
	left, _ := filepath.Glob(filepath.Join(g.machine.Root, "var/lib/atoll/way-back/*"))
	timers, _ := filepath.Glob(filepath.Join(g.machine.Root, "simulated/active/*.timer"))
	return strings.Join(append(left, timers...), " ")
}

func (g gate) eventually(want string) {
	g.Helper()
	for deadline := time.Now().Add(time.Minute); g.stands() != want; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.Fatalf("there is %q, want %q", g.stands(), want)
		}
	}
}

const (
	before = "conf=before"
	after  = "conf=after more=more"
)

func good(context.Context) error { return nil }

func TestProvenChangeStays(t *testing.T) {
	g := gateOf(t)
	tries := 0
	if err := g.change(time.Minute, func(context.Context) error {
		if tries++; tries < 3 { // sshd reads its settings a moment later
			return errors.New("refused")
		}
		return nil
	}).Apply(t.Context(), g.host); err != nil {
		t.Fatal(err)
	}
	if g.stands() != after || g.settled() != "" {
		t.Errorf("there is %q, and of the way back %q", g.stands(), g.settled())
	}
}

func TestUnprovenChangeIsTakenBackAtOnce(t *testing.T) {
	g := gateOf(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := g.change(time.Hour, func(context.Context) error { cancel(); return errors.New("locked out") }).Apply(ctx, g.host)
	if !errors.Is(err, converge.ErrReverted) || !errors.Is(err, converge.ErrUnproven) || !strings.Contains(err.Error(), "locked out") {
		t.Errorf("%v", err)
	}
	if g.stands() != before {
		t.Errorf("there is %q", g.stands())
	}
	if reloads, err := os.ReadFile(filepath.Join(g.machine.Root, "etc/reloads")); err != nil || string(reloads) != "x\n" {
		t.Errorf("reloaded: %q, %v", reloads, err)
	}
}

func TestFailedStepIsTakenBack(t *testing.T) {
	g := gateOf(t)
	change := g.change(time.Hour, good)
	change.Reload = "" // nobody has to read the files again
	change.Steps = append(change.Steps, converge.Step{Title: "go wrong", Script: "echo the reason >&2; exit 3"})
	err := change.Apply(t.Context(), g.host)
	var failed *converge.StepError
	if !errors.Is(err, converge.ErrReverted) || !errors.As(err, &failed) || failed.Title != "go wrong" || g.stands() != before || strings.Contains(g.settled(), ".back") {
		t.Errorf("%v; there is %q", err, g.stands())
	}
}

// What cannot be kept is not changed.
func TestChangeWithoutAWayBackIsNotMade(t *testing.T) {
	g := gateOf(t)
	change := g.change(time.Hour, good)
	loop := filepath.Join(g.machine.Root, "etc/loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	change.Keep = append(change.Keep, "/etc/loop/file")
	err := change.Apply(t.Context(), g.host)
	var failed *converge.StepError
	if !errors.As(err, &failed) || errors.Is(err, converge.ErrReverted) || g.stands() == after {
		t.Errorf("%v; there is %q", err, g.stands())
	}
	// The next change clears away what was left.
	if err := os.Remove(loop); err != nil {
		t.Fatal(err)
	}
	if err := g.change(time.Minute, good).Apply(t.Context(), g.host); err != nil || g.stands() != after || g.settled() != "" {
		t.Errorf("%v; there is %q, and of the way back %q", err, g.stands(), g.settled())
	}
}

// The run ends, or the line is cut, between change and proof: the host goes back.
func TestHostGoesBackByItself(t *testing.T) {
	g := gateOf(t)
	cut := &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.11:22"}
	ctx, cancel := context.WithCancel(t.Context())
	err := g.change(2*time.Second, func(context.Context) error { g.machine.Fail(cut); cancel(); return cut }).Apply(ctx, g.host)
	if !errors.Is(err, converge.ErrReverted) || !strings.Contains(err.Error(), "by the host itself within 2s") {
		t.Errorf("%v", err)
	}
	if g.stands() == before {
		t.Error("it went back without anybody to do so")
	}
	g.machine.Fail(nil)
	g.eventually(before)
}

// A proof that comes after the host went back is told that it lost.
func TestDisarmRacesWithTheTimer(t *testing.T) {
	g := gateOf(t)
	err := g.change(time.Second, func(context.Context) error { g.eventually(before); return nil }).Apply(t.Context(), g.host)
	if !errors.Is(err, converge.ErrReverted) || !strings.Contains(err.Error(), "the proof came later than 1s") {
		t.Errorf("%v", err)
	}
}

// While a change is neither proven nor taken back, another of its name waits,
// and whoever reads what it changes is told.
func TestNextChangeWaitsForAPendingOne(t *testing.T) {
	g := gateOf(t)
	ctx, cancel := context.WithCancel(t.Context())
	cut := &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.11:22"}
	_ = g.change(3*time.Second, func(context.Context) error { g.machine.Fail(cut); cancel(); return cut }).Apply(ctx, g.host)
	g.machine.Fail(nil)
	if state, err := converge.Ask(t.Context(), g.host, converge.StateOfChange("gate")); err != nil || state != converge.Unproven {
		t.Errorf("the first change is %q, %v", state, err)
	}
	second := g.change(time.Minute, good)
	second.Steps[0].Script = `[ "$(cat "/etc/gate's/conf")" = before ]; ` + second.Steps[0].Script
	if err := second.Apply(t.Context(), g.host); err != nil {
		t.Fatal(err)
	}
	if state, err := converge.Ask(t.Context(), g.host, converge.StateOfChange("gate")); err != nil || state != converge.Settled || g.stands() != after {
		t.Errorf("the changes are %q, %v; there is %q", state, err, g.stands())
	}
}

// A host that was killed while it went back, or that lost its timer at a reboot,
// goes on at boot.
func TestHostGoesBackAtBoot(t *testing.T) {
	for _, state := range []string{"", ".back"} {
		g := gateOf(t)
		ctx, cancel := context.WithCancel(t.Context())
		cut := &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.11:22"}
		_ = g.change(time.Hour, func(context.Context) error { g.machine.Fail(cut); cancel(); return cut }).Apply(ctx, g.host)
		g.machine.Fail(nil)
		armed, _ := filepath.Glob(filepath.Join(g.machine.Root, "var/lib/atoll/way-back/gate.*"))
		if len(armed) != 1 {
			t.Fatalf("armed: %q", armed)
		}
		if err := os.Rename(armed[0], armed[0]+state); state != "" && err != nil {
			t.Fatal(err)
		}
		unit, err := os.ReadFile(filepath.Join(g.machine.Root, "etc/systemd/system/sysinit.target.wants/atoll-way-back.service"))
		if err != nil {
			t.Fatal(err)
		}
		_, script, _ := strings.Cut(string(unit), "ExecStart=/bin/sh -c '")
		script, _, _ = strings.Cut(script, "'\n")
		if _, err := g.host.Run(t.Context(), remote.Command{Name: "booting", Script: "export ATOLL_BOOTS=yes\n" + strings.ReplaceAll(script, "$$", "$")}); err != nil {
			t.Fatal(err)
		}
		if g.stands() != before {
			t.Errorf("%q: there is %q", state, g.stands())
		}
		if _, err := os.Stat(filepath.Join(g.machine.Root, "etc/reloads")); err == nil {
			t.Error("at boot, before anything runs, something was reloaded")
		}
	}
}

// A run that goes back and is killed in it has renamed the directory: the timer
// goes on from there. A timer that was lost is made up for by whoever waits.
func TestWayBackThatWasBegunIsFinished(t *testing.T) {
	for name, wait := range map[string]time.Duration{"by the timer": 3 * time.Second, "by who waits": time.Hour} {
		g := gateOf(t)
		ctx, cancel := context.WithCancel(t.Context())
		cut := &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.11:22"}
		_ = g.change(wait, func(context.Context) error { g.machine.Fail(cut); cancel(); return cut }).Apply(ctx, g.host)
		g.machine.Fail(nil)
		armed, _ := filepath.Glob(filepath.Join(g.machine.Root, "var/lib/atoll/way-back/gate.*"))
		if len(armed) != 1 {
			t.Fatalf("%s: armed: %q", name, armed)
		}
		if err := os.Rename(armed[0], armed[0]+".back"); err != nil {
			t.Fatal(err)
		}
		if wait == time.Hour {
			if err := os.WriteFile(armed[0]+".back/deadline", []byte("1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := converge.Settle(t.Context(), g.host, "gate"); err != nil {
				t.Fatal(err)
			}
			if g.stands() != before {
				t.Errorf("%s: there is %q", name, g.stands())
			}
		}
		g.eventually(before)
	}
}
