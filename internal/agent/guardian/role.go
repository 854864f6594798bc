// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
)

// Role guards the mysqld of a machine.
var Role = agent.Role{
	Name:    "guardian",
	Summary: "guard the group membership of this machine's mysqld",
	Run:     role,
}

func role(ctx context.Context, args []string, streams agent.Streams) error {
	if len(args) > 0 {
		return &agent.UsageError{Problem: fmt.Sprintf("guardian: unexpected argument %q", args[0])}
	}
	beat := agent.NewBeat()
	release, err := alone(ctx, Directory, streams, beat.Tell)
	if err != nil {
		return err
	}
	defer release()
	server, err := OpenServer()
	if err != nil {
		return err
	}
	defer server.Close()
	purpose, err := OpenPurpose(Directory)
	if err != nil {
		return err
	}
	peers := NewPeers(server)
	defer peers.Close()
	teller := teller{directory: Directory, streams: streams}
	guardian := &Guardian{Server: server, Peers: peers, Purpose: purpose, Say: teller.say, Ending: ending, Beat: beat.Tell}
	return guardian.Run(ctx)
}

// ending asks systemd whether the machine is going down.
func ending() bool {
	ctx, cancel := context.WithTimeout(context.Background(), answer)
	defer cancel()
	state, _ := exec.CommandContext(ctx, "systemctl", "is-system-running").Output() // not zero for all but "running"
	return strings.TrimSpace(string(state)) == "stopping"
}

// alone waits until no other guardian runs on the machine: one of an older
// version may be on its way out.
func alone(ctx context.Context, directory string, streams agent.Streams, beat func()) (release func(), err error) {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return nil, fmt.Errorf("unable to make the guardian's directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(directory, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("unable to open the guardian's lock: %w", err)
	}
	for told := false; ; {
		beat()
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			_ = file.Close()
			return nil, fmt.Errorf("unable to take the guardian's lock: %w", err)
		}
		if !told {
			told = true
			_, _ = fmt.Fprintln(streams.Err, "another guardian runs on this machine: waiting until it has ended")
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			_ = file.Close()
			return nil, ctx.Err()
		}
	}
}

// teller writes the status when it says something new, and every few seconds as a
// sign of life; what is new is a line of the journal, too.
type teller struct {
	directory string
	streams   agent.Streams
	decision  Decision
	problem   string
	written   time.Time
}

// alive lies between two signs of life.
const alive = 5 * time.Second

func (t *teller) say(status Status) {
	fresh := status.Decision != t.decision || status.Error != t.problem
	if fresh {
		t.decision, t.problem = status.Decision, status.Error
		line := fmt.Sprintf("%s: %s", status.Deed, status.Why)
		if status.Error != "" {
			line += ": " + status.Error
		}
		_, _ = fmt.Fprintln(t.streams.Out, line)
	}
	if !fresh && time.Since(t.written) < alive {
		return
	}
	t.written = time.Now()
	if err := status.Write(t.directory); err != nil {
		_, _ = fmt.Fprintln(t.streams.Err, err)
	}
}
