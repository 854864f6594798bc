// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// loginBy gives a side a program in the place of ssh.
func loginBy(t *testing.T, s *side, script string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "ssh")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	s.SSH, s.Remote = []string{program, "-p 22"}, "atoll@10.0.0.1"
}

// What a run asks goes by one login, which ends with the run.
func TestConnect(t *testing.T) {
	s := testSide(t)
	socket, log := filepath.Join(s.State, "cold.ssh"), filepath.Join(s.State, "log")
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	loginBy(t, s, "[ ! -e "+socket+" ] || exit 1\necho $$ $* >"+log+"\ntouch "+socket+"\nexec sleep 1000\n")
	before := slices.Clone(s.SSH)
	end := s.connect(t.Context())
	if got := s.SSH[len(s.SSH)-1]; got != "-o ControlPath="+socket {
		t.Errorf("what is asked goes by %q", s.SSH)
	}
	said, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	process, words, _ := strings.Cut(strings.TrimSpace(string(said)), " ")
	if want := strings.Join(before[1:], " ") + " -o ControlPath=" + socket + " -o ControlMaster=yes -N " + s.Remote; words != want {
		t.Errorf("ssh is asked for %q", words)
	}
	id, err := strconv.Atoi(process)
	if err != nil {
		t.Fatal(err)
	}
	end()
	if err := syscall.Kill(id, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the login goes on after the run: %v", err)
	}
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket stays")
	}
}

// Where logins cannot be shared, each question logs in for itself.
func TestConnectIsDoneWithout(t *testing.T) {
	s := testSide(t)
	loginBy(t, s, "exit 255\n")
	before := slices.Clone(s.SSH)
	s.connect(t.Context())()
	s.State = "/" + strings.Repeat("x", longestSocket)
	s.connect(t.Context())()
	s.SSH[0] = "/nowhere/ssh"
	s.connect(t.Context())()
	if !slices.Equal(s.SSH[1:], before[1:]) {
		t.Errorf("what is asked goes by %q", s.SSH)
	}
}
