// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// unisons are those of the versions that are tested, see testdata/unison.sh of fsmonitor.
func unisons(t *testing.T) map[string]string {
	t.Helper()
	dir := os.Getenv("ATOLL_TEST_UNISON")
	if dir == "" {
		t.Skip("ATOLL_TEST_UNISON names no directory with unisons: make test-unison")
	}
	return map[string]string{"2.52": filepath.Join(dir, "2.52/unison"), "2.53": filepath.Join(dir, "2.53/unison")}
}

// Trees that meet for the first time: whichever side is killed, at whichever step, the
// next start finishes. No file of either is lost, what both have alike is not copied,
// and what they have not is done about as was said.
func TestUnisonKilledAtEveryStepOfTheFirstSync(t *testing.T) {
	programs, bin, often := unisons(t), agents(t), os.Getenv("ATOLL_ROUNDS") != ""
	for version, program := range programs {
		for _, side := range []string{"that dials", "that serves"} {
			for policy, from := range map[string]bool{"merge": false, "from here": true} {
				if !often && from != (version == "2.52") {
					continue // each policy with one of them
				}
				t.Run(fmt.Sprintf("%s, the side %s, %s", version, side, policy), func(t *testing.T) {
					t.Parallel()
					var at []string
					for last, more := 1, true; more; last++ {
						var where string
						where, more = killedAt(t, bin, program, side == "that serves", from, last)
						at = append(at, where)
						if t.Failed() {
							t.Fatalf("killed at step %d: %s", last, where)
						}
					}
					t.Logf("killed at %d steps: %s", len(at)-1, strings.Join(slices.Compact(at), ", "))
				})
			}
		}
	}
}

// killedAt kills one side of a first sync at a step, and says where that was; more is
// false where the sync was whole before it.
func killedAt(t *testing.T, bin, program string, serves, from bool, last int) (where string, more bool) {
	t.Helper()
	m := newMeeting(t, bin, program)
	if from {
		m.here.First = "prefer = " + m.here.Hot + "\ncopyonconflict = true\n"
	}
	before := m.identity()
	var killed *steps
	if serves {
		m.mu.Lock()
		m.stepped = last
		m.mu.Unlock()
		dials := m.agent("sync", m.here)
		m.must(dials.Start())
		select {
		case killed = <-m.served:
		case <-time.After(patient):
			t.Fatal("nobody dialled")
		}
		m.toTheEnd(killed)
		_ = syscall.Kill(-killed.command.Process.Pid, syscall.SIGKILL)
		_ = dials.Process.Signal(syscall.SIGTERM)
		_ = dials.Wait()
	} else {
		killed = upTo(t, m.agent("sync", m.here), last)
		m.toTheEnd(killed)
		_ = syscall.Kill(-killed.command.Process.Pid, syscall.SIGKILL)
	}
	<-killed.ended
	m.finish(from)
	if after := m.identity(); after != before {
		t.Error("a file that both had alike was copied or changed")
	}
	return killed.where(), killed.where() != ""
}

// toTheEnd waits until a side was killed, or the trees were in step before that and the
// agent had noted it.
func (m *meeting) toTheEnd(killed *steps) {
	m.t.Helper()
	for deadline := time.Now().Add(patient); ; {
		select {
		case <-killed.ended:
			return
		default:
		}
		if _, err := os.Stat(filepath.Join(m.here.State, begun)); err == nil && killed.where() == "" {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("neither killed nor in step: %+v", m.status())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
