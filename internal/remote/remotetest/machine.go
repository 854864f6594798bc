// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remotetest

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Machine is a simulated Debian: its file system is a directory of the test's,
// its package manager, systemd and network are small scripts that remember what
// they were told. The real scripts run on it, in the machine's own shell, with
// the absolute paths in them led into the directory, as any user.
//
// It serves the tests of the floors above the scripts. What a script does on a
// real Debian is for the lab.
type Machine struct {
	// Address is what a Target's Host says, HostKey the key that it shows.
	Address, HostKey string
	// Root is the directory that stands in for /.
	Root string

	mu   sync.Mutex
	down error
	runs []string
	turn chan struct{}
}

//go:embed stubs
var stubs embed.FS

// NewMachine makes one in a directory, which must exist.
func NewMachine(root, address, hostKey string) (*Machine, error) {
	m := &Machine{Address: address, HostKey: hostKey, Root: root, turn: make(chan struct{}, 1)}
	files := map[string]string{
		"etc/os-release": "ID=debian\nVERSION_ID=13\nPRETTY_NAME='Debian GNU/Linux 13 (trixie)'\n",
		"etc/machine-id": fmt.Sprintf("%032x\n", len(address)), "etc/hostname": "debian\n", "etc/hosts": "127.0.0.1 localhost\n",
		"proc/meminfo":          "MemTotal:        2097152 kB\nMemAvailable:    1600000 kB\nSwapTotal:             0 kB\n",
		"run/systemd/system/.d": "", "simulated/packages": "", "simulated/installable": "tinc iputils-ping openssl bc cron mysql-server mysql-router",
		"proc/sys/vm/swappiness": "60\n", "var/lib/apt/lists/debian_Packages": "", "usr/sbin/.d": "", "etc/apt/sources.list.d/.d": "", "etc/apt/preferences.d/.d": "", "etc/sysctl.d/.d": "", "etc/systemd/system/.d": "",
	}
	for name, content := range files {
		if err := m.Write("/"+name, content); err != nil {
			return nil, err
		}
	}
	names, err := stubs.ReadDir("stubs")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := stubs.ReadFile("stubs/" + name.Name())
		if err != nil {
			return nil, err
		}
		path := filepath.Join(root, "stubs", strings.TrimSuffix(name.Name(), ".sh"))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o700)); err != nil { // a program has to be executable
			return nil, err
		}
	}
	return m, nil
}

// Write puts a file there, as somebody who works on the machine by hand does.
func (m *Machine) Write(path, content string) error {
	path = filepath.Join(m.Root, path)
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600))
}

// Program puts a script there that stands in for a program which the stubs lack.
func (m *Machine) Program(name, script string) error {
	return os.WriteFile(filepath.Join(m.Root, "stubs", name), []byte(script), 0o700) // a program has to be executable
}

// Fail makes all that follows fail with an error, such as a *remote.Error; nil
// ends that.
func (m *Machine) Fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

// Runs are the names of the commands that ran, in order.
func (m *Machine) Runs() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.runs...)
}

// absolute finds the paths of the machine in a script: all that is not a device, a
// program, or below a directory of the test's. Whatever is missing here is read from
// and written to the machine that runs the tests.
var absolute = regexp.MustCompile(`(^|[\s'"=<>(:!])/(etc|var|run|proc|sys|root|home|srv|opt|mnt|media|boot|data|usr/sbin|usr/local|lib/systemd)\b`)

func (m *Machine) lead(script string) string {
	return absolute.ReplaceAllString(script, "${1}"+m.Root+"/${2}")
}

// carried says how much of the standard input is a script itself.
var carried = regexp.MustCompile(`head -c (\d+)`)

// run runs one script on the machine.
func (m *Machine) run(ctx context.Context, command remote.Command) (remote.Result, error) {
	m.mu.Lock()
	down := m.down
	m.runs = append(m.runs, command.Name)
	m.mu.Unlock()
	if down != nil {
		return remote.Result{}, down
	}
	script, stdin := m.lead(command.Script), command.Stdin
	if stdin != nil && strings.Contains(command.Script, "eval ") {
		var err error
		if script, stdin, err = m.leadCarried(script, stdin); err != nil {
			return remote.Result{}, err
		}
	}
	shell := exec.CommandContext(ctx, "/bin/bash", "-c", script)
	shell.Env = []string{"PATH=" + filepath.Join(m.Root, "stubs") + ":/usr/sbin:/usr/bin:/sbin:/bin", "SIMULATED=" + filepath.Join(m.Root, "simulated"), "LC_ALL=C.UTF-8"}
	shell.Dir = m.Root
	var stdout, stderr bytes.Buffer
	shell.Stdin, shell.Stdout, shell.Stderr = stdin, &stdout, &stderr
	err := shell.Run()
	result := remote.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: shell.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return result, &remote.CommandError{Host: m.Address, Name: command.Name, ExitCode: result.ExitCode, Stderr: stderr.String()}
	}
	return result, err
}

// leadCarried leads the paths of a script that comes on standard input, in front
// of what it reads itself.
func (m *Machine) leadCarried(script string, stdin io.Reader) (string, io.Reader, error) {
	found := carried.FindAllStringSubmatchIndex(script, -1)
	for _, at := range found {
		if at[2] < 0 {
			continue
		}
		length, err := strconv.Atoi(script[at[2]:at[3]])
		if err != nil {
			return "", nil, err
		}
		inner := make([]byte, length)
		if _, err := io.ReadFull(stdin, inner); err != nil {
			return "", nil, fmt.Errorf("reading the script on standard input: %w", err)
		}
		led := m.lead(string(inner))
		return script[:at[2]] + strconv.Itoa(len(led)) + script[at[3]:], io.MultiReader(strings.NewReader(led), stdin), nil
	}
	return "", nil, errors.New("the script does not say how much of its standard input is a script")
}

// Network has simulated machines, as a pool has real ones.
type Network struct {
	// Machines by address.
	Machines map[string]*Machine
	// Lost addresses are not contacted.
	Lost map[string]bool
}

// Host gives the machine of a target, as far as the target is right about it.
func (n *Network) Host(target remote.Target) remote.Host { return &simulated{n, target} }

type simulated struct {
	network *Network
	target  remote.Target
}

// machine is there if the address is, and shows the key that is expected.
func (s *simulated) machine() (*Machine, error) {
	machine, address := s.network.Machines[s.target.Host], s.target.Address()
	switch {
	case s.network.Lost[s.target.Host]:
		return nil, &remote.Error{Kind: remote.ErrLost, Address: address}
	case machine == nil:
		return nil, &remote.Error{Kind: remote.ErrUnreachable, Address: address, Detail: "no machine of the test is there"}
	case s.target.HostKey != machine.HostKey:
		return nil, &remote.Error{Kind: remote.ErrHostKeyMismatch, Address: address, Shown: machine.HostKey, Detail: "shown was " + machine.HostKey}
	}
	return machine, nil
}

func (s *simulated) Target() remote.Target { return s.target }

func (s *simulated) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	machine, err := s.machine()
	if err != nil {
		return remote.Result{}, err
	}
	return machine.run(ctx, command)
}

// Dial finds nobody: no server listens on a simulated machine.
func (s *simulated) Dial(context.Context, remote.Endpoint) (net.Conn, error) {
	return nil, errors.New("nothing listens on a simulated machine")
}

func (s *simulated) Await(ctx context.Context, _ time.Duration) error { return s.Prove(ctx) }

func (s *simulated) Prove(context.Context) error {
	machine, err := s.machine()
	if err != nil {
		return err
	}
	machine.mu.Lock()
	defer machine.mu.Unlock()
	return machine.down
}

func (s *simulated) Exclusive(ctx context.Context) (func(), error) {
	machine, err := s.machine()
	if err != nil {
		return nil, err
	}
	select {
	case machine.turn <- struct{}{}:
		return func() { <-machine.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
