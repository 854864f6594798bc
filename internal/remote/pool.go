// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options configure a Pool. The zero value has no key and the defaults below.
type Options struct {
	// Keys by name; connections without a name use the one named "default".
	Keys map[string]PrivateKey
	// Agent takes keys that Keys lacks from the SSH agent at AgentSocket
	// ("" means SSH_AUTH_SOCK).
	Agent       bool
	AgentSocket string
	// SudoPasswords by login name, for users whose sudo asks.
	SudoPasswords map[string]string
	// Lost hosts (Target.Host) are never dialled.
	Lost []string
	// DialTimeout bounds TCP connect and SSH handshake together, per hop. A sshd
	// that has spoken within it, as over a line that loses packets, gets three
	// times as long in all. Default 10 s.
	DialTimeout time.Duration
	// Keepalive is the interval between signs of life; three without an answer
	// end the connection. Default 15 s.
	Keepalive time.Duration
	// Forgive is how long a host that did not answer is not tried again, so
	// that a dead one costs one wait a run. Default 60 s.
	Forgive time.Duration
	// ReadOnly lets nothing through that is not marked as reading: such a call
	// fails with ErrReadOnly before anything is sent, and before a dial.
	ReadOnly bool
	// Watcher is the login name for all machines, instead of their own: somebody who
	// may run a Command's Program and nothing else. It logs in with the key named
	// "default". "" is for none. Jump hosts keep theirs.
	Watcher string
	// Dial opens the first hop's TCP connection; nil means the machine's own.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	defaultDialTimeout = 10 * time.Second
	defaultKeepalive   = 15 * time.Second
	defaultForgive     = 60 * time.Second
)

// Pool keeps at most one connection a host. It is safe for concurrent use.
type Pool struct {
	options Options
	keys    *keyring
	lost    map[string]bool

	turns Turns

	mu     sync.Mutex
	hosts  map[string]*host
	closed bool
}

// New checks the keys and makes a Pool. Nothing is dialled.
func New(options Options) (*Pool, error) {
	keys, err := newKeyring(options)
	if err != nil {
		return nil, err
	}
	if options.DialTimeout <= 0 {
		options.DialTimeout = defaultDialTimeout
	}
	if options.Keepalive <= 0 {
		options.Keepalive = defaultKeepalive
	}
	if options.Forgive <= 0 {
		options.Forgive = defaultForgive
	}
	if options.Dial == nil {
		options.Dial = (&net.Dialer{}).DialContext
	}
	pool := &Pool{options: options, keys: keys, lost: map[string]bool{}, hosts: map[string]*host{}}
	for _, address := range options.Lost {
		pool.lost[address] = true
	}
	return pool, nil
}

// Host gives the one Host of a target; equal targets share one connection.
func (p *Pool) Host(target Target) Host {
	if p.options.Watcher != "" {
		target.User, target.Key = p.options.Watcher, ""
	}
	return p.host(target)
}

func (p *Pool) host(target Target) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := target.key()
	known, found := p.hosts[key]
	if !found {
		known = &host{pool: p, target: target, gate: make(chan struct{}, 1)}
		p.hosts[key] = known
	}
	return known
}

func (p *Pool) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// Close ends all connections. Later calls on the pool's hosts fail.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	hosts := p.hosts
	p.hosts = map[string]*host{}
	p.mu.Unlock()
	var problems []error
	for _, known := range hosts {
		problems = append(problems, known.close())
	}
	return errors.Join(problems...)
}

// Statistics by "host:port", of all hosts that were contacted.
func (p *Pool) Statistics() map[string]Statistics {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]Statistics{}
	for _, known := range p.hosts {
		if numbers := known.counters.read(); numbers.Connections > 0 {
			all[known.target.Address()] = numbers
		}
	}
	return all
}

// Address is "host:port" as it is dialled.
func (t Target) Address() string {
	port := t.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(t.Host, strconv.Itoa(port))
}

// Machine tells machines apart that have one private address behind different hosts:
// by their host keys, without the comment.
func (t Target) Machine() string {
	fields := strings.Fields(t.HostKey)
	return strings.Join(append([]string{t.Address()}, fields[:min(2, len(fields))]...), " ")
}

// Login is the user name, never empty.
func (t Target) Login() string {
	if t.User == "" {
		return "root"
	}
	return t.User
}

// key tells targets apart that need a connection of their own.
func (t Target) key() string {
	var parts []string
	for _, hop := range append(append([]Target{}, t.Jumps...), t) {
		parts = append(parts, fmt.Sprintf("%s@%s %s %s", hop.Login(), hop.Address(), hop.Key, hop.HostKey))
	}
	return strings.Join(parts, " > ")
}

// before is the target that t is reached through; false for a direct one.
func (t Target) before() (Target, bool) {
	if len(t.Jumps) == 0 {
		return Target{}, false
	}
	last := t.Jumps[len(t.Jumps)-1]
	last.Jumps = t.Jumps[:len(t.Jumps)-1]
	return last, true
}
