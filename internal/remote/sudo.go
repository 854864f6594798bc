// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bytes"
	"io"
)

// begin is the line that ends the password. sudo swallows the password only
// when it asks for one; where it does not ask, everything up to this line is
// dropped, so that a password can never be run as a command.
const begin = "--atoll--"

// program wraps a shell command so that it runs as root.
func (h *host) program(command string) string {
	switch {
	case h.target.Login() == "root":
		return command
	case h.sudoPassword() == "":
		return "sudo -n -- " + command
	default:
		skip := `while IFS= read -r line; do [ "$line" = ` + begin + ` ] && break; done; exec ` + command
		return "sudo -S -p '' -- sh -c " + Quote(skip)
	}
}

// preface is what has to be written before the input of a program.
func (h *host) preface() string {
	if password := h.sudoPassword(); password != "" {
		return password + "\n" + begin + "\n"
	}
	return ""
}

func (h *host) sudoPassword() string {
	if h.target.Login() == "root" {
		return ""
	}
	return h.pool.options.SudoPasswords[h.target.Login()]
}

// refusedBySudo recognises sudo's own refusal: exit code 1, nothing on standard
// output and its name on standard error.
func refusedBySudo(result Result) bool {
	return result.ExitCode == 1 && len(result.Stdout) == 0 &&
		(bytes.Contains(result.Stderr, []byte("sudo:")) || bytes.Contains(result.Stderr, []byte("sudoers")))
}

// feed writes the password, where one is needed, and then the input.
func (h *host) feed(channel interface {
	io.Writer
	CloseWrite() error
}, input io.Reader,
) {
	if preface := h.preface(); preface != "" {
		_, _ = io.WriteString(channel, preface)
	}
	if input != nil {
		_, _ = io.Copy(channel, input)
	}
	_ = channel.CloseWrite()
}
