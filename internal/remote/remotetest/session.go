// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remotetest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// session runs the one command that is asked for. Like sshd it counts until the
// program has ended and the client has closed the channel, says nothing to a
// client that closes while the program runs, and passes on no signals to what
// root runs.
func (s *Server) session(channel ssh.Channel, asked <-chan *ssh.Request, open *atomic.Int64) {
	var program *exec.Cmd
	ended := make(chan struct{})
	for request := range asked {
		switch {
		case request.Type == "exec" && program == nil:
			var payload struct{ Program string }
			if ssh.Unmarshal(request.Payload, &payload) != nil {
				continue
			}
			_ = request.Reply(true, nil)
			program = s.command(payload.Program)
			started := make(chan struct{})
			go func() {
				defer close(ended)
				code := s.run(program, channel, started)
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)}))
				_ = channel.Close()
			}()
			<-started
		default:
			_ = request.Reply(false, nil)
		}
	}
	if program != nil {
		<-ended
	}
	_ = channel.Close()
	open.Add(-1)
}

func (s *Server) command(program string) *exec.Cmd {
	shell := s.Shell
	if shell == "" {
		shell = "/bin/sh"
	}
	command := exec.Command(shell, "-c", program)
	command.Env = append(os.Environ(), s.Environment...)
	return command
}

func (s *Server) run(command *exec.Cmd, channel ssh.Channel, started chan<- struct{}) int {
	_, _ = io.WriteString(channel, s.Noise)
	_, _ = io.WriteString(channel.Stderr(), s.Noise)
	stdin, err := command.StdinPipe()
	if err != nil {
		close(started)
		return 255
	}
	command.Stdout, command.Stderr = channel, channel.Stderr()
	err = command.Start()
	close(started)
	if err != nil {
		return 127
	}
	go func() {
		if !s.NoInput {
			_, _ = io.Copy(stdin, channel)
		}
		_ = stdin.Close()
	}()
	err = command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1)
	}
	return 0
}
