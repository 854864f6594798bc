// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package machinetest has a machine with a MySQL server whose answers a test
// decides. Questions run on this machine with stand-ins for the programs that
// they call; whatever would change something is only written down.
package machinetest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Machine is a remote.Host.
type Machine struct {
	// Answer is what the server's client prints, Code how it ends, Unit what
	// systemctl says of the server's unit.
	Answer, Unit string
	Code         int
	// Help is what mysqld says that it would start with; "" where it fails.
	Help string
	// Spoil changes the output of the question of a name.
	Spoil func(name, output string) string

	path string
	mu   sync.Mutex
	acts []string
}

// New makes a machine whose server runs.
func New(t *testing.T, answer string) *Machine {
	t.Helper()
	m := &Machine{Answer: answer, Unit: "active", Help: "mysqld  Ver 9.7.4-2 for Linux\n--- ---\n\nTo see what values", path: t.TempDir()}
	for name, script := range map[string]string{
		"mysql":      `cat "$ATOLL_STUB/answer"; exit "$(cat "$ATOLL_STUB/code")"`,
		"systemctl":  `case $1 in show) echo LoadState=loaded; echo ActiveState=active; echo UnitFileState=enabled; echo NeedDaemonReload=no ;; *) cat "$ATOLL_STUB/unit"; [ "$(cat "$ATOLL_STUB/unit")" = active ] ;; esac`,
		"dpkg-query": `case "$*" in *installed*) echo 'installed ii  9.7.4-2' ;; *other*) exit 1 ;; *) echo 'package mysql-server ii  9.7.4-2' ;; esac`,
		"apt-cache":  `:`,
		"setpriv":    `while case $1 in --*) ;; *) false ;; esac; do shift; done; exec "$@"`,
		"mysqld":     `[ -s "$ATOLL_STUB/help" ] || { echo 'mysqld: [ERROR] Found "option" without group' >&2; exit 1; }; cat "$ATOLL_STUB/help"`,
		"sleep":      `:`,
	} {
		if err := os.WriteFile(filepath.Join(m.path, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// Acts are the names of what would have changed the machine so far.
func (m *Machine) Acts() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.acts...)
}

func (m *Machine) act(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acts = append(m.acts, what)
}

// Target names no machine that exists.
func (m *Machine) Target() remote.Target { return remote.Target{Host: "203.0.113.11"} }

// Run answers questions and writes everything else down.
func (m *Machine) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	if !command.Reads {
		m.act(command.Name)
		return remote.Result{}, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, content := range map[string]string{"answer": m.Answer, "code": string(rune('0' + m.Code)), "unit": m.Unit, "sockets": "", "help": m.Help} {
		if err := os.WriteFile(filepath.Join(m.path, name), []byte(content), 0o644); err != nil {
			return remote.Result{}, err
		}
	}
	script := strings.ReplaceAll(command.Script, "/proc/net/unix", filepath.Join(m.path, "sockets"))
	process := exec.CommandContext(ctx, "sh", "-c", script)
	process.Env = append(os.Environ(), "PATH="+m.path+":"+os.Getenv("PATH"), "ATOLL_STUB="+m.path)
	var stdout, stderr bytes.Buffer
	process.Stdout, process.Stderr = &stdout, &stderr
	err := process.Run()
	output := stdout.String()
	if m.Spoil != nil {
		output = m.Spoil(command.Name, output)
	}
	result := remote.Result{Stdout: []byte(output), Stderr: stderr.Bytes()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		result.ExitCode = exit.ExitCode()
		return result, &remote.CommandError{Host: m.Target().Host, Name: command.Name, ExitCode: result.ExitCode, Stderr: stderr.String()}
	}
	return result, err
}

// Dial writes down that somebody wanted more than an answer.
func (m *Machine) Dial(_ context.Context, endpoint remote.Endpoint) (net.Conn, error) {
	m.act("dial " + endpoint.Address)
	return nil, errors.New("there is nothing to dial")
}

// Await finds the machine there.
func (m *Machine) Await(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// Prove finds the machine open.
func (m *Machine) Prove(ctx context.Context) error { return ctx.Err() }

// Exclusive is had by everybody.
func (m *Machine) Exclusive(ctx context.Context) (func(), error) { return func() {}, ctx.Err() }

// Spoiled are the ways in which an answer fails to come: missing, cut at every
// line and in the middle of each, garbled, and whole with an exit code of 1.
func Spoiled(good string) map[string]func(*Machine) {
	ways := map[string]func(*Machine){
		"missing": func(m *Machine) { m.Answer = "" },
		"garbled": func(m *Machine) { m.Answer = strings.Map(garble, good) },
		"exit 1":  func(m *Machine) { m.Code = 1 },
	}
	at := 0
	for line := range strings.Lines(good) {
		mark, _, _ := strings.Cut(line, "\t")
		before, middle := good[:at], good[:at+len(line)/2+1]
		without := before + good[at+len(line):]
		garbled := before + strings.Map(garble, line) + good[at+len(line):]
		ways["cut before "+mark] = func(m *Machine) { m.Answer = before }
		ways["cut in "+mark] = func(m *Machine) { m.Answer = middle }
		ways["without "+mark] = func(m *Machine) { m.Answer = without }
		ways["garbled "+mark] = func(m *Machine) { m.Answer = garbled }
		at += len(line)
	}
	return ways
}

// garble makes nonsense that keeps the shape of a line.
func garble(r rune) rune {
	if r == '\t' || r == '\n' {
		return r
	}
	return r ^ 1
}
