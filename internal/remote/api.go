// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package remote reaches hosts over SSH.
//
// It is the only room that opens a network connection to a managed host. One
// Pool lives as long as the provider process and keeps at most one connection
// a host; everything else receives a Host and runs scripts on it. The rooms
// above never see an ssh type.
package remote

import (
	"context"
	"io"
	"net"
	"time"
)

// Target names one machine and how to reach it. It carries no secret: Key is
// the name of a key that the Pool was given, not the key.
type Target struct {
	// Host is a DNS name or an IP address, without port.
	Host string
	// Port is the TCP port of sshd; 0 means 22.
	Port int
	// User is the login name; "" means root. Any other user needs sudo.
	User string
	// HostKey is the host's public key in authorized_keys form
	// ("ssh-ed25519 AAAA…", a comment is ignored). It is never guessed.
	HostKey string
	// Key names the private key to log in with; "" means "default".
	Key string
	// Jumps are the hosts to go through, the one nearest to us first, each
	// with a host key of its own.
	Jumps []Target
}

// Command is one POSIX shell script to be run as root on a host, or a program.
type Command struct {
	// Name says in a few words what the script is for ("observing files").
	// It appears in errors and logs; the script itself never does.
	Name string
	// Script is run by a POSIX sh. It must not read standard input unless
	// Stdin is set.
	Script string
	// Program is a command line that is run as the login user instead of Script,
	// as it stands: nothing is written to it, and what it says may have the login
	// shell's own noise before it. It must only read.
	Program string
	// Stdin is what the script reads. A Command with Stdin runs on a session
	// of its own and is streamed. Content of Stdin is never logged.
	Stdin io.Reader
	// Long marks a command that may take longer than a few seconds. It runs
	// on a session of its own so that quick questions do not wait behind it.
	Long bool
	// Reads marks a script that only observes: whatever it meets, it changes
	// nothing on the host. Unless it is long it shares the long-lived shell, and
	// may be asked again where a shell ended. A pool that is open for reading only
	// runs no other, and what it answered may be kept.
	Reads bool
	// Question names who asks ("mesh/site"), for a script that is asked again at
	// every refresh; see package ahead. "" keeps it to this once.
	Question string
}

// Endpoint is what Dial opens on a host's side.
type Endpoint struct {
	// Network is "tcp" with "host:port" for Address, or "unix" with the path of
	// a socket.
	Network, Address string
	// Reads marks a connection over which only questions are asked, see
	// Command.Reads.
	Reads bool
}

// Result is what a command left. A non-zero exit code is reported as a
// *CommandError beside the Result, so that a caller cannot miss it.
type Result struct {
	Stdout, Stderr []byte
	ExitCode       int
	// Asked and Came are when a question went out and when its answer came, for one
	// that came before it was asked for: see package ahead. Zero otherwise.
	Asked, Came time.Time
}

// Host is one machine, seen from the rooms above. Its methods dial on first
// use. All of them honour the context and return a classified error: see the
// sentinels in errors.go.
type Host interface {
	// Target says which machine this is.
	Target() Target
	// Run runs one script as root. A short question on a warm connection costs
	// one round trip, everything else one more for its session.
	Run(ctx context.Context, command Command) (Result, error)
	// Dial opens a connection from the host's side. A unix socket is opened as
	// root also when the login user is another.
	Dial(ctx context.Context, endpoint Endpoint) (net.Conn, error)
	// Await connects to a machine that may be booting: it tries again while
	// nothing answers, for as long as patience lasts, and gives the last error.
	// What another attempt cannot mend (a key, a login) ends it at once.
	Await(ctx context.Context, patience time.Duration) error
	// Prove shows that the machine lets us in now, over a connection of its
	// own: the one that stands was let in by what may since have changed.
	Prove(ctx context.Context) error
	// Exclusive waits until nobody else in this process changes the machine and
	// keeps others waiting until release. Who changes a machine holds it, so that
	// the wait is here and not on the wire. It counts by the machine's address,
	// whoever logs in. It is not reentrant, and who holds one machine does not
	// ask for a second.
	Exclusive(ctx context.Context) (release func(), err error)
}
