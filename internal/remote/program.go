// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
)

// begin is the line that ends the password. sudo swallows the password only
// when it asks for one; where it does not ask, everything up to this line is
// dropped, so that a password can never be run as a command.
const begin = "--atoll--"

// launch is the command line that runs a script with a POSIX sh. sshd hands it
// to the login shell, and what stands in quotes means something else in each:
// fish reads backslashes there, csh exclamation marks and line breaks. So the
// script goes as base64, which means the same to all.
func launch(script string) string {
	return `sh -c 'eval "$(echo ` + base64.StdEncoding.EncodeToString([]byte(script)) + ` | base64 -d)"'`
}

// newMarker is a word that no output has in it but by us.
func newMarker() string {
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails, see its documentation
	return hex.EncodeToString(random)
}

// greeting begins every shell and every script. What came before its marker is
// the login shell's own noise (.bashrc, a banner) and no answer. The C locale
// keeps the words that programs say from being translated, since some are read.
func greeting(marker string) string {
	return fmt.Sprintf("export LC_ALL=C; printf '\\n%[1]s\\n'; printf '\\n%[1]s\\n' >&2\n", marker)
}

// after is what follows the line of the marker.
func after(output []byte, marker string) (rest []byte, found bool) {
	_, rest, found = bytes.Cut(output, []byte("\n"+marker+"\n"))
	if !found {
		return output, false
	}
	return rest, true
}

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
