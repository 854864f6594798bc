// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// hostile is what a script may hold that a login shell reads its own way.
const hostile = `printf '%s\n' 'a\\b' "it's" '!x' "$(printf '%s' '\n')" 'ünicode'
echo "second line: $HOME_OF_NOBODY"; echo trouble >&2; [ -z "" ] && exit 3`

const hostileAnswer = "a\\\\b\nit's\n!x\n\\n\nünicode\nsecond line: \n"

// What login shells say by themselves is no part of an answer, whichever shell
// it is; and what is asked arrives as it is.
func TestNoisyLoginShells(t *testing.T) {
	for _, shell := range []string{"sh", "bash", "dash", "zsh", "fish", "csh", "tcsh"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not here", shell)
			continue
		}
		for _, noise := range []string{"", "Welcome to db1!\n\n\x00binary\nno line break at the end"} {
			t.Run(shell+" "+strings.Fields(noise + " quiet")[0], func(t *testing.T) {
				t.Parallel()
				server := start(t, func(s *remotetest.Server) { s.Shell, s.Noise, s.NoStreamLocal = path, noise, true })
				host := pool(t, server.Key, remote.Options{}).Host(target(server))
				for _, command := range []remote.Command{
					{Name: "asking", Script: hostile, Reads: true},
					{Name: "changing", Script: hostile},
					{Name: "streaming", Script: "cat; " + hostile, Stdin: strings.NewReader("")},
					{Name: "taking long", Script: hostile, Long: true},
				} {
					result, err := host.Run(t.Context(), command)
					var failed *remote.CommandError
					if !errors.As(err, &failed) || failed.ExitCode != 3 {
						t.Fatalf("%s: %v", command.Name, err)
					}
					if string(result.Stdout) != hostileAnswer || string(result.Stderr) != "trouble\n" {
						t.Errorf("%s: %q and %q, want %q", command.Name, result.Stdout, result.Stderr, hostileAnswer)
					}
				}
				echo(t, host, remote.Endpoint{Network: "unix", Address: echoSocket(t)}, "ping")
			})
		}
	}
}

// The words of programs are read, so they are not translated.
func TestCLocale(t *testing.T) {
	server := start(t, func(s *remotetest.Server) {
		s.Environment = []string{"LANG=de_DE.UTF-8", "LC_ALL=de_DE.UTF-8", "LC_MESSAGES=de_DE.UTF-8", "LANGUAGE=de"}
	})
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	for _, command := range []remote.Command{
		{Name: "asking", Reads: true, Script: "printenv LC_ALL; ls /nowhere"},
		{Name: "streaming", Script: "cat; printenv LC_ALL; ls /nowhere", Stdin: strings.NewReader("")},
		{Name: "taking long", Script: "printenv LC_ALL; ls /nowhere", Long: true},
	} {
		result, _ := host.Run(t.Context(), command)
		if string(result.Stdout) != "C\n" || !strings.Contains(string(result.Stderr), "No such file or directory") {
			t.Errorf("%s: %q and %q", command.Name, result.Stdout, result.Stderr)
		}
	}
}

// A sshd that runs a command of its own, whatever is asked for (ForceCommand, or a
// key that is bound to one), is no host for us: it is said what it did, nothing
// has run, and it is not taken for silence.
func TestForcedCommand(t *testing.T) {
	forced := filepath.Join(t.TempDir(), "forced")
	if err := os.WriteFile(forced, []byte("#!/bin/sh\necho 'backup ok'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	server := start(t, func(s *remotetest.Server) { s.Shell = forced })
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	for _, command := range []remote.Command{
		{Name: "asking", Script: "echo in", Reads: true},
		{Name: "changing", Script: "echo in"},
		{Name: "streaming", Script: "cat", Stdin: strings.NewReader("in")},
	} {
		_, err := host.Run(t.Context(), command)
		if !errors.Is(err, remote.ErrSession) || errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), `before the command began; it said "backup ok"`) {
			t.Errorf("%s: %v", command.Name, err)
		}
	}
}
