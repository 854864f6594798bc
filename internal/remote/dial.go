// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/crypto/ssh"
)

const (
	// hedges is how many attempts are begun beside each other within the time
	// limit: on a line that loses packets the first one may hang in TCP's growing
	// pauses while a new one would get through. The first is not given up, since
	// a slow machine needs its time.
	hedges = 3
	// extensions is how many time limits a machine gets that has spoken within
	// the first: a lossy line, and no dead host. Then there are more attempts.
	extensions = 3
	racers     = 6
	// drops is how many attempts may be cut short. A sshd that hangs up on us at
	// once, be it by MaxStartups or since it bans us, is not asked for ever.
	drops    = 6
	attempts = racers + drops
	// firstRetry is the pause before a new attempt, which doubles.
	firstRetry = 200 * time.Millisecond
)

// dialling is one dial to a host: several attempts within one time limit.
type dialling struct {
	host   *host
	via    hop
	config func() (*ssh.ClientConfig, *verdict)
	pinned ssh.PublicKey
	key    *loginKey
	mu     sync.Mutex
	// stood says that a wire was had, and heard that its sshd has spoken; lines
	// are those of the attempts that run, with what had come on each when it was
	// last looked at, in bytes.
	stood, heard bool
	lines        map[*line]int64
}

// attempted is how an attempt ended.
type attempted struct {
	live *connection
	err  error
	// again says that another attempt may do better.
	again bool
}

// dial makes one connection within the time limit of one hop, or several of them
// where the machine has answered.
func (h *host) dial(ctx context.Context, via hop) (*connection, error) {
	address := h.target.Address()
	var pinned ssh.PublicKey
	if h.target.HostKey != "" {
		var err error
		if pinned, err = parseHostKey(h.target.HostKey); err != nil {
			return nil, &Error{Kind: ErrConfiguration, Address: address, Err: err}
		}
	}
	limit, cancel := context.WithTimeout(ctx, extensions*h.pool.options.DialTimeout)
	defer cancel()
	key, err := h.pool.keys.signer(limit, address, h.target.Key)
	if err != nil {
		return nil, err
	}
	defer key.release()
	d := &dialling{host: h, via: via, pinned: pinned, key: key, lines: map[*line]int64{}}
	d.config = func() (*ssh.ClientConfig, *verdict) {
		refusal := &verdict{}
		config := &ssh.ClientConfig{
			User: h.target.Login(), Auth: []ssh.AuthMethod{ssh.PublicKeys(key.signer)},
			HostKeyCallback: refusal.callback(address, pinned), HostKeyAlgorithms: hostKeyAlgorithms(pinned),
		}
		return config, refusal
	}
	start := time.Now()
	live, err := d.race(limit)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	h.counters.connections.Add(1)
	tflog.Debug(ctx, "connected over SSH", map[string]any{"host": address, "took": time.Since(start).String()})
	go live.watch(h.pool.options.Keepalive)
	return live, nil
}

// attempt opens one wire and shakes hands over it.
func (d *dialling) attempt(limit context.Context) attempted {
	h := d.host
	address := h.target.Address()
	wire, err := d.wire(limit)
	if err != nil {
		return attempted{err: err, again: dropped(err)}
	}
	below := &line{Conn: wire, counters: &h.counters}
	d.mu.Lock()
	d.stood, d.lines[below] = true, 0
	d.mu.Unlock()
	defer d.leave(below)
	// Neither a cancelled caller nor a wire without deadlines may hold us.
	stop := context.AfterFunc(limit, func() { _ = wire.Close() })
	config, refusal := d.config()
	conn, channels, requests, err := ssh.NewClientConn(below, address, config)
	if !stop() && err == nil {
		_ = conn.Close()
		err = limit.Err()
	}
	if err != nil {
		go func() { _ = wire.Close() }()
		if failure := d.key.failed(address); failure != nil {
			return attempted{err: failure}
		}
		who := fmt.Sprintf("user %s with key %s", h.target.Login(), ssh.FingerprintSHA256(d.key.signer.PublicKey()))
		err = refusal.classifyHandshake(address, who, d.pinned, err)
		return attempted{err: err, again: errors.Is(err, ErrUnreachable) && dropped(err)}
	}
	live := &connection{
		client: ssh.NewClient(conn, channels, requests), line: below, slots: newSlots(int(h.sessions.Load())),
		shell: newShellSlot(), done: make(chan struct{}), address: address,
	}
	return attempted{live: live}
}

// wire opens the TCP connection, from here or from the last jump host.
func (d *dialling) wire(limit context.Context) (net.Conn, error) {
	address := d.host.target.Address()
	if d.via.host != nil {
		return d.host.through(limit, d.via)
	}
	conn, err := d.host.pool.options.Dial(limit, "tcp", address)
	if err != nil {
		return nil, unreachable(address, err)
	}
	return conn, nil
}

// dropped says that a line or a busy sshd ended the attempt, not an answer.
func dropped(err error) bool {
	for _, drop := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.ECONNABORTED} {
		if errors.Is(err, drop) {
			return true
		}
	}
	return false
}

// unreachable keeps the cause short: "timed out" says more than Go's text, and a
// refusal is an answer.
func unreachable(address string, err error) *Error {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return &Error{Kind: ErrUnreachable, Address: address, Detail: "timed out"}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return refused(address, "")
	}
	return &Error{Kind: ErrUnreachable, Address: address, Err: err}
}
