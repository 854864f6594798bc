// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/crypto/ssh"
)

const (
	// racers is how many attempts may run beside each other: on a line that
	// loses packets the first one may hang in TCP's growing pauses while a new
	// one would get through. The first is not given up, since a slow machine
	// needs its time.
	racers = 3
	// attempts is how many may be begun in all. A sshd that hangs up on us at
	// once, be it by MaxStartups or since it bans us, is not asked for ever.
	attempts = 5
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
	// lines are the wires of the attempts that got that far.
	lines chan *line
}

// attempted is how an attempt ended.
type attempted struct {
	live *connection
	err  error
	// again says that another attempt may do better.
	again bool
}

// dial makes one connection within the time limit of one hop.
func (h *host) dial(ctx context.Context, via hop) (*connection, error) {
	address := h.target.Address()
	var pinned ssh.PublicKey
	if h.target.HostKey != "" {
		var err error
		if pinned, err = parseHostKey(h.target.HostKey); err != nil {
			return nil, &Error{Kind: ErrConfiguration, Address: address, Err: err}
		}
	}
	limit, cancel := context.WithTimeout(ctx, h.pool.options.DialTimeout)
	defer cancel()
	key, err := h.pool.keys.signer(limit, address, h.target.Key)
	if err != nil {
		return nil, err
	}
	defer key.release()
	d := &dialling{host: h, via: via, pinned: pinned, key: key, lines: make(chan *line, attempts)}
	d.config = func() (*ssh.ClientConfig, *verdict) {
		refusal := &verdict{}
		config := &ssh.ClientConfig{
			User: h.target.Login(), Auth: []ssh.AuthMethod{ssh.PublicKeys(key.signer)},
			HostKeyCallback: refusal.callback(address, pinned),
		}
		if pinned != nil {
			config.HostKeyAlgorithms = hostKeyAlgorithms(pinned)
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

// race runs attempts until one succeeds, one fails for good, or the time is up.
func (d *dialling) race(limit context.Context) (*connection, error) {
	ended := make(chan attempted, attempts)
	begun, running := 0, 0
	begin := func() {
		begun, running = begun+1, running+1
		go func() { ended <- d.attempt(limit) }()
	}
	// What ends later is closed: limit ends with us.
	defer func() {
		go func() {
			for range running {
				if late := <-ended; late.live != nil {
					_ = late.live.client.Close()
				}
			}
		}()
	}()
	begin()
	hedge := time.NewTicker(d.host.pool.options.DialTimeout / racers)
	defer hedge.Stop()
	silence := d.listen(limit)
	pause, retry := firstRetry, (<-chan time.Time)(nil)
	var last error
	for {
		select {
		case one := <-ended:
			running--
			if one.err == nil {
				return one.live, nil
			}
			if limit.Err() != nil && errors.Is(one.err, ErrUnreachable) {
				return nil, d.timedOut(running+1, last, silence)
			}
			last = one.err
			if !one.again || limit.Err() == nil && begun == attempts && running == 0 {
				return nil, last
			}
			retry = time.After(pause)
			pause *= 2
		case <-retry:
			retry = nil
			if begun < attempts {
				begin()
			}
		case <-hedge.C:
			if begun < attempts && running < racers && !d.key.busy() {
				begin()
			}
		case <-limit.Done():
			return nil, d.timedOut(running, last, silence)
		}
	}
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
	d.lines <- below
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

// listen asks the jump host for a sign of life when half of the time is over,
// and gives what tells whether it has been silent since: then it is the jump
// host that does not answer, and nothing is known of the machine behind it.
func (d *dialling) listen(limit context.Context) (silent func() bool) {
	if d.via.host == nil {
		return func() bool { return false }
	}
	live := d.via.live
	asked := make(chan int64, 1)
	half := time.AfterFunc(d.host.pool.options.DialTimeout/2, func() {
		asked <- live.line.heard.Load()
		_ = live.ask()
	})
	context.AfterFunc(limit, func() { half.Stop() })
	return func() bool {
		select {
		case before := <-asked:
			return live.line.heard.Load() == before
		default:
			return false
		}
	}
}

// timedOut says which hop was silent, and how far we came.
func (d *dialling) timedOut(running int, last error, silent func() bool) error {
	address := d.host.target.Address()
	if err := d.key.failed(address); err != nil {
		return err
	}
	if silent() {
		return &Error{Kind: ErrUnreachable, Address: d.via.host.target.Address(), Detail: "timed out: this jump host stopped answering on the way to " + address}
	}
	if running == 0 && last != nil {
		return last
	}
	detail := "timed out"
	for range len(d.lines) {
		if one := <-d.lines; one.heard.Load() > 0 {
			detail = "timed out in the middle of the handshake"
		} else if detail == "timed out" {
			detail = "timed out: the port is open, and no sshd answers on it"
		}
	}
	return &Error{Kind: ErrUnreachable, Address: address, Detail: detail}
}

// unreachable keeps the cause short: "timed out" says more than Go's text.
func unreachable(address string, err error) *Error {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return &Error{Kind: ErrUnreachable, Address: address, Detail: "timed out"}
	}
	return &Error{Kind: ErrUnreachable, Address: address, Err: err}
}
