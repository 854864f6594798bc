// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/agenttest"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// A unison that found no archives when it started is followed by another one, which
// stays.
func TestFirstUnisonIsFollowedByAnother(t *testing.T) {
	pair := tier.Pair{Tier: "files", Node: "files.a", Peer: "b", Hot: t.TempDir(), State: t.TempDir()}
	starts, other := filepath.Join(pair.State, "starts"), filepath.Join(t.TempDir(), "unison")
	script := "#!/bin/sh\necho once >>" + starts + "\n: >" + filepath.Join(pair.State, "ar0123") + "\necho 'Nothing to do: replicas have not changed since last sync.'\nexec sleep 1000\n"
	for _, err := range []error{os.Mkdir(filepath.Join(pair.Hot, tier.Private), 0o700), os.WriteFile(other, []byte(script), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	started := func() int {
		text, _ := os.ReadFile(starts)
		return strings.Count(string(text), "once")
	}
	s := &syncer{pair: pair, program: other, log: io.Discard}
	var failed error
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer func() {
		cancel()
		<-ended
	}()
	go func() {
		defer close(ended)
		failed = s.run(ctx)
	}()
	for deadline := time.Now().Add(time.Minute); started() < 2; {
		select {
		case <-ended:
			t.Fatal(failed)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("started %d times: a second one never came", started())
		}
	}
	// restart looks every second.
	time.Sleep(2500 * time.Millisecond)
	if got := started(); got != 2 {
		t.Errorf("started %d times, want 2: the second one found archives", got)
	}
}

// A unison that the kernel kills, as where its memory is at an end, says what may be
// done about it, also while the next one is on its way.
func TestKilledUnisonIsExplained(t *testing.T) {
	pair := tier.Pair{Tier: "files", Node: "files.a", Peer: "b", Hot: t.TempDir(), State: t.TempDir()}
	other := filepath.Join(t.TempDir(), "unison")
	for _, err := range []error{os.Mkdir(filepath.Join(pair.Hot, tier.Private), 0o700), os.WriteFile(other, []byte("#!/bin/sh\necho 'Looking for changes'\nkill -KILL $$\n"), 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &syncer{pair: pair, program: other, log: io.Discard, probe: newProber(pair, nil)}
	if _, err := s.once(t.Context(), s.watches()); err == nil || !strings.Contains(err.Error(), "memory_mib") {
		t.Errorf("it says %v", err)
	}
	// One that was ended in another way is not taken for that.
	if err := os.WriteFile(other, []byte("#!/bin/sh\nkill -TERM $$\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := s.once(t.Context(), s.watches()); err == nil || strings.Contains(err.Error(), "memory_mib") {
		t.Errorf("it says %v", err)
	}
}

// A unison that somebody stopped is told of in the place of what it told last, and no more
// when it goes on.
func TestStoppedUnisonIsTold(t *testing.T) {
	pair := tier.Pair{Tier: "files", Node: "files.a", Peer: "b", Hot: t.TempDir(), State: t.TempDir()}
	other := filepath.Join(t.TempDir(), "unison")
	for _, err := range []error{
		os.Mkdir(filepath.Join(pair.Hot, tier.Private), 0o700), os.WriteFile(filepath.Join(pair.State, "ar0123"), nil, 0o600),
		os.WriteFile(other, []byte("#!/bin/sh\necho 'Nothing to do: replicas have not changed since last sync.'\nsleep 1000 &\necho $! >"+filepath.Join(pair.State, "child")+"\nwait\n"), 0o700),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := &syncer{pair: pair, program: other, log: io.Discard}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	defer func() {
		cancel()
		<-ended
	}()
	go func() {
		defer close(ended)
		_ = s.run(ctx)
	}()
	told := func(stage tier.Stage, problem string) {
		t.Helper()
		var got tier.PairStatus
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if got = s.remembered(); got.Stage == stage && strings.Contains(got.Error, problem) && (got.Error == "") == (problem == "") {
				return
			}
		}
		t.Fatalf("it is told %+v, want %s and %q", got, stage, problem)
	}
	told(tier.Watching, "")
	var child int
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(pair.State, "child"))
		child, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		// Until it is sleep, the shell's child has the shell's name.
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child)); string(name) == "sleep\n" {
			break
		}
	}
	for _, step := range []struct {
		signal  syscall.Signal
		stage   tier.Stage
		problem string
	}{{syscall.SIGSTOP, tier.Waiting, fmt.Sprintf("sleep (process %d) is stopped", child)}, {syscall.SIGCONT, tier.Watching, ""}} {
		if err := syscall.Kill(child, step.signal); err != nil {
			t.Fatal(err)
		}
		told(step.stage, step.problem)
	}
	if err := syscall.Kill(child, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// On a disk without any room left the status still says what is true.
func TestStatusOnAFullDisk(t *testing.T) {
	state := agenttest.SmallDisk(t)
	s := &syncer{pair: tier.Pair{State: state}, log: io.Discard}
	s.tell(tier.PairStatus{Stage: tier.Watching, InStep: time.Unix(1, 0), Error: "something that is longer than what follows"})
	agenttest.Fill(t, state)
	s.tell(tier.PairStatus{Stage: tier.Waiting, Error: "no room"})
	if got := s.remembered(); got.Stage != tier.Waiting || got.Error != "no room" {
		t.Errorf("%+v", got)
	}
}
