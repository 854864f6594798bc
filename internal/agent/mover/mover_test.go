// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

func TestMoveOnOneNode(t *testing.T) {
	all := replicas(t, "one")
	want := fill(all, 3, 20)
	all[0].write("2099/01/01/x/young", "young")
	readers := startReaders(all, slices.Collect(maps.Keys(want)))
	outcomes := all[0].run()
	readers.check(t)
	if young := outcomes["2099/01/01"]; young.Step != Nothing || all[0].flipped("2099/01/01") {
		t.Errorf("the young day: %+v", young)
	}
	do(t, os.RemoveAll(all[0].hot("2099")))
	checkMoved(t, all, want)
}

func TestMoveOnThreeNodes(t *testing.T) {
	all := replicas(t, "one", "two", "three")
	want := fill(all, 2, 12)
	readers := startReaders(all, slices.Collect(maps.Keys(want)))
	settled(t, all, want)
	readers.check(t)
	checkMoved(t, all, want)
}

// cutAt cuts the node's runs off at the n-th point from here.
func (r *replica) cutAt(n int) (reached *string) {
	reached = new(string)
	r.Point = func(name string) error {
		if n--; n == 0 {
			*reached = name
			return ErrCut
		}
		return nil
	}
	return reached
}

// A run is cut off at each of its points, on each node, and the next one goes on.
func TestCutOffAtEveryPoint(t *testing.T) {
	reached := map[string]bool{}
	for victim := range 2 {
		for cut, point := 1, "first"; point != ""; cut++ {
			all := replicas(t, "one", "two")
			want := fill(all, 1, 7)
			readers := startReaders(all, slices.Collect(maps.Keys(want)))
			at := all[victim].cutAt(cut)
			// Several rounds, since a node waits for what the other has done.
			for range 3 {
				for _, node := range all {
					_, err := node.Run(context.Background())
					if err != nil && !errors.Is(err, ErrCut) {
						t.Fatal(err)
					}
					checkFiles(t, all, want)
					checkPromise(t, all, want)
				}
			}
			settled(t, all, want)
			readers.check(t)
			checkMoved(t, all, want)
			point = *at
			reached[point] = true
		}
	}
	for _, point := range []string{"copying", "copied", "verified", "publishing", "published", "prepared", "flipping", "exchanged", "flipped", "moving the manifest", "settling", "settled", "swept", "read back", "cleaning", "cleaned"} {
		if !reached[point] {
			t.Errorf("no run was cut off at %q", point)
		}
	}
}

// TestMain is a mover that kills itself, where the environment says so.
func TestMain(m *testing.M) {
	if text := os.Getenv("ATOLL_TEST_MOVER"); text != "" {
		os.Exit(suicidal(text))
	}
	os.Exit(m.Run())
}

type order struct {
	Config Config
	Kill   int
}

func suicidal(text string) int {
	var told order
	if err := json.Unmarshal([]byte(text), &told); err != nil {
		return 2
	}
	mover := Mover{Config: told.Config, Point: func(string) error {
		if told.Kill--; told.Kill == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}}
	if _, err := mover.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// The same with a process that is really killed, and another that goes on.
func TestKilledAtEveryPoint(t *testing.T) {
	for kill, killed := 1, true; killed; kill++ {
		all := replicas(t, "one")
		want := fill(all, 2, 9)
		readers := startReaders(all, slices.Collect(maps.Keys(want)))
		text, err := json.Marshal(order{all[0].Config, kill})
		do(t, err)
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), "ATOLL_TEST_MOVER="+string(text))
		out, err := command.CombinedOutput()
		killed = err != nil
		var exit *exec.ExitError
		if killed && (!errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL) {
			t.Fatalf("%v: %s", err, out)
		}
		checkFiles(t, all, want)
		settled(t, all, want)
		readers.check(t)
		checkMoved(t, all, want)
		if !killed && kill < 20 {
			t.Errorf("there were only %d points to be killed at", kill-1)
		}
	}
}

// Killed at any instant, not only at the points: between two system calls, in
// the middle of a copy, before anything was begun. ATOLL_TEST_OPENS says how many
// opens have to go well before it is enough.
func TestKilledAtAnyInstant(t *testing.T) {
	enough := int64(20_000)
	if text := os.Getenv("ATOLL_TEST_OPENS"); text != "" {
		var err error
		enough, err = strconv.ParseInt(text, 10, 64)
		do(t, err)
	}
	opens, kills := int64(0), 0
	for opens < enough {
		all := replicas(t, "one")
		want := fill(all, 3, 30)
		readers := startReaders(all, slices.Collect(maps.Keys(want)))
		text, err := json.Marshal(order{Config: all[0].Config})
		do(t, err)
		// A process needs some time to begin; each is given a little more than the one before.
		for patience := time.Duration(0); ; patience += time.Duration(rand.IntN(4000)) * time.Microsecond {
			command := exec.Command(os.Args[0])
			command.Env = append(os.Environ(), "ATOLL_TEST_MOVER="+string(text))
			do(t, command.Start())
			time.Sleep(patience)
			if err := command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
			if command.Wait() == nil || command.ProcessState.Success() {
				break
			}
			kills++
			checkFiles(t, all, want)
			if t.Failed() || len(all[0].left()) == 0 && all[0].flipped(oneDay) && all[0].flipped("2020/02/03") {
				break
			}
		}
		settled(t, all, want)
		readers.check(t)
		checkMoved(t, all, want)
		opens += readers.opens.Load()
		if t.Failed() {
			return
		}
	}
	t.Logf("killed %d times under %d opens", kills, opens)
}
