// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// listen is systemd, as far as a watchdog goes.
func listen(t *testing.T) (path string, heard func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return path, func() string {
		buffer := make([]byte, 100)
		_ = socket.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, _ := socket.Read(buffer)
		return string(buffer[:n])
	}
}

// What lives says so once in a while, however often it is asked to; what no unit with
// a watchdog runs says nothing.
func TestBeat(t *testing.T) {
	path, heard := listen(t)
	t.Setenv("NOTIFY_SOCKET", path)
	for _, process := range []string{"", "1"} {
		t.Setenv("WATCHDOG_PID", process)
		if NewBeat().Tell(); heard() != "" {
			t.Errorf("it speaks for process %q", process)
		}
	}
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	beat := NewBeat()
	beat.Tell()
	beat.Tell()
	if first, second := heard(), heard(); first != "WATCHDOG=1" || second != "" {
		t.Errorf("it says %q, %q", first, second)
	}
	beat.told = time.Now().Add(-beating)
	if beat.Tell(); heard() != "WATCHDOG=1" {
		t.Error("it says nothing more")
	}
}

// A systemd that takes nothing holds nobody up for long.
func TestBeatDoesNotWait(t *testing.T) {
	path, _ := listen(t)
	beat := &Beat{socket: path}
	var err error
	for i := 0; i < 10000 && err == nil; i++ { // until its queue is full
		began := time.Now()
		if err = beat.send(); time.Since(began) > 30*time.Second {
			t.Fatal("it waited")
		}
	}
	if err == nil {
		t.Error("its queue is never full")
	}
}
