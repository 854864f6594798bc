// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// longestSocket is how long the path of a socket may be: ssh makes it with 17 letters
// more behind it, and gives it its name when it is logged in.
const longestSocket = 107 - 17

// loginPatience is how long a login is waited for.
const loginPatience = silence * time.Second

// connect logs in on the other node once for all that a run asks of it, since each
// login takes seven ways there and back. Where that cannot be, each question logs in
// for itself, and says why it cannot.
func (s *side) connect(ctx context.Context) (end func()) {
	socket := filepath.Join(s.State, "cold.ssh")
	if len(socket) > longestSocket {
		return func() {}
	}
	_ = os.Remove(socket) // of a run that was killed
	ctx, cancel := context.WithCancel(ctx)
	shared := "-o ControlPath=" + socket
	words := strings.Fields(strings.Join(slices.Concat(s.SSH, []string{shared, "-o ControlMaster=yes", "-N", s.Remote}), " "))
	command := exec.CommandContext(ctx, words[0], words[1:]...)
	ended := make(chan struct{})
	if command.Start() != nil {
		cancel()
		return func() {}
	}
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	end = func() {
		cancel()
		<-ended
		_ = os.Remove(socket)
	}
	for deadline := time.Now().Add(loginPatience); time.Now().Before(deadline); {
		select {
		case <-ended:
			end()
			return func() {}
		case <-time.After(20 * time.Millisecond):
		}
		if _, err := os.Lstat(socket); err == nil {
			s.SSH = append(slices.Clip(s.SSH), shared)
			return end
		}
	}
	end()
	return func() {}
}
