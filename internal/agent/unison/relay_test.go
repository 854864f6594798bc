// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// A relay carries both ways, and what is under way when one side has said all.
func TestRelay(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		said, _ := io.ReadAll(connection)
		time.Sleep(20 * time.Millisecond)
		_, _ = fmt.Fprintf(connection, "heard %s", said)
		_ = connection.Close()
	}()
	var out bytes.Buffer
	if err := relay("unison", socket, agent.Streams{In: strings.NewReader("hello"), Out: &out, Err: io.Discard}); err != nil || out.String() != "heard hello" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := relay("unison", socket+"x", agent.Streams{}); err == nil {
		t.Error("a socket that is not there is relayed to")
	}
}

// As sshd starts it, a relay writes to a pipe that blocks. While that is full, since
// the line is slow, it waits and takes no CPU.
func TestRelayWaitsForALine(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	const size = 4 << 20
	go func() {
		if connection, err := listener.Accept(); err == nil {
			_, _ = connection.Write(make([]byte, size))
			_ = connection.Close()
		}
	}()
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	from, to := os.NewFile(uintptr(pipe[0]), "from"), os.NewFile(uintptr(pipe[1]), "to")
	defer func() { _ = from.Close() }()
	ended := make(chan error, 1)
	go func() {
		err := relay("unison", socket, agent.Streams{In: strings.NewReader(""), Out: to, Err: io.Discard})
		ended <- errors.Join(err, to.Close())
	}()
	cpu := func() time.Duration {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			t.Fatal(err)
		}
		return time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	before := cpu()
	time.Sleep(2 * time.Second)
	if took := cpu() - before; took > 100*time.Millisecond {
		t.Errorf("a relay that waits for 2 s takes %s of CPU", took)
	}
	if got, err := io.Copy(io.Discard, from); err != nil || got != size {
		t.Errorf("%d bytes came, %v", got, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A key that opens an archive alone leads to no unison, and says so.
func TestRelayOfAnArchiveAlone(t *testing.T) {
	t.Setenv("SSH_ORIGINAL_COMMAND", "unison -server")
	err := Relay.Run(t.Context(), []string{tier.NoSocket, filepath.Join(t.TempDir(), "cold.sock")}, agent.Streams{})
	if err == nil || !strings.Contains(err.Error(), "keeps no tree with you, only an archive") {
		t.Error(err)
	}
	t.Setenv("SSH_ORIGINAL_COMMAND", tier.Converse)
	err = Relay.Run(t.Context(), []string{tier.NoSocket, filepath.Join(t.TempDir(), "cold.sock")}, agent.Streams{In: strings.NewReader("")})
	if err == nil || !strings.Contains(err.Error(), "unable to reach the archive") {
		t.Error(err)
	}
}
