// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	// bridgeReady is the line that a bridge says when it is connected.
	bridgeReady = "connected\n"
	// bridgeRefused is its exit code when the other end did not take it.
	bridgeRefused = 97
)

// bridgeScript joins standard input and output with a socket. perl-base is
// essential on Debian and Ubuntu, and has what this needs.
const bridgeScript = `use IO::Socket::UNIX; use IO::Socket::IP; use IO::Select; $| = 1;
my ($network, $at, $port) = @ARGV;
my $s = $network eq "unix" ? IO::Socket::UNIX->new(Peer => $at) : IO::Socket::IP->new(PeerHost => $at, PeerPort => $port);
unless ($s) { print STDERR $@ || $!; exit 97 }
print "connected\n";
my $w = IO::Select->new($s, \*STDIN); binmode STDIN; binmode STDOUT; binmode $s;
sub all { my ($to, $data) = @_; while (length $data) { my $n = syswrite $to, $data; exit 1 unless defined $n; substr($data, 0, $n) = "" } }
while (my @ready = $w->can_read) { for my $r (@ready) {
  my $n = sysread $r, my $data, 65536; exit 0 unless $n;
  all($r == $s ? \*STDOUT : $s, $data) } }`

// bridge opens a connection by a program on the host. A unix socket is opened as
// root: the peer that its owner sees is root, as MySQL's auth_socket needs. A
// port needs nobody's rights.
func (h *host) bridge(ctx context.Context, live *connection, network, address string) (net.Conn, error) {
	to := Quote(network) + " " + Quote(address)
	if network == "tcp" {
		name, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, &noWayError{said: err.Error()}
		}
		to = Quote(network) + " " + Quote(name) + " " + Quote(port)
	}
	marker := newMarker()
	program, preface := launch(greeting(marker)+"exec perl -e "+Quote(bridgeScript)+" "+to), ""
	if network == "unix" {
		program, preface = h.program(program), h.preface()
	}
	running, err := h.startBridge(ctx, live, program)
	if err != nil {
		return nil, err
	}
	type built struct {
		conn net.Conn
		err  error
	}
	result := make(chan built, 1)
	go func() {
		conn, err := h.cross(running, marker, preface, forwardAddress{network, address})
		result <- built{conn, err}
	}()
	select {
	case got := <-result:
		if errors.Is(got.err, errNoExit) {
			return nil, h.cut(ctx, live)
		}
		return got.conn, got.err
	case <-ctx.Done():
		running.abandon()
		return nil, ctx.Err()
	}
}

// startBridge starts a bridge on a session of its own. A bridge stays as long as
// who dialled likes, so it leaves sessions to commands: where sshd gives few, it
// gets a connection of its own.
func (h *host) startBridge(ctx context.Context, live *connection, program string) (*session, error) {
	const spare = 2
	if live.slots.takeForBridge(spare) {
		running, _, err := h.startNow(ctx, live, program, true)
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) {
			return running, err
		}
	}
	via, err := h.jump(ctx)
	if err != nil {
		return nil, err
	}
	own, err := h.dial(ctx, via)
	if err != nil {
		return nil, err
	}
	h.setAside(own)
	running, err := h.start(ctx, own, program)
	if err != nil {
		h.dismiss(own)
	}
	return running, h.explain(err)
}

// errNoExit: the session of a bridge went away without an exit code.
var errNoExit = errors.New("the bridge has gone")

// cross waits until the bridge is connected, and says what kept it from that.
func (h *host) cross(running *session, marker, preface string, address forwardAddress) (net.Conn, error) {
	stderr, exit := make(chan []byte, 1), make(chan ran, 1)
	go func() {
		said, _ := io.ReadAll(io.LimitReader(running.Stderr(), 1<<16))
		stderr <- said
		_, _ = io.Copy(io.Discard, running.Stderr())
	}()
	go func() {
		code, ended := exitCode(running.requests)
		exit <- ran{code: code, ended: ended}
		running.end()
	}()
	if _, err := io.WriteString(running, preface); err != nil {
		running.abandon()
		return nil, errNoExit
	}
	reader := bufio.NewReader(running)
	noise, _, err := until(reader, marker)
	began := err == nil
	if began {
		if line, _ := reader.ReadString('\n'); line == bridgeReady {
			return newDeadlined(channelConn{running.Channel, reader, func() {}}, address), nil
		}
	}
	_ = running.CloseWrite()
	got := <-exit
	got.stdout, got.stderr = noise, <-stderr
	switch {
	case !got.ended:
		return nil, errNoExit
	case !began:
		return nil, h.notBegun(got)
	}
	said, _ := after(got.stderr, marker)
	text := strings.TrimSpace(string(bytes.ToValidUTF8(said, nil)))
	if got.code == bridgeRefused {
		return nil, &noWayError{said: text, met: true}
	}
	return nil, &noWayError{said: fmt.Sprintf("a bridge on the host ends with exit code %d: %s", got.code, end(text))}
}
