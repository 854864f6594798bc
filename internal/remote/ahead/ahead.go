// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package ahead answers a host's later questions along with the first.
//
// The resources of a site ask one after another, as they depend on each other,
// and each waits for a round trip. What each of them asked last is kept on its
// host. The first that asks a host brings home the answers to all of these; who
// asks the very same seconds later takes what is there. It ends for good with
// the first change that this process makes anywhere: an answer from before a
// change is worth nothing, on that host or on one that is in a group with it.
package ahead

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// fresh is how old an answer may be. A refresh of a whole site takes seconds,
// of which most are waits that the answers save.
const fresh = 20 * time.Second

// Pool hands out hosts; *remote.Pool outside of tests.
type Pool interface {
	Host(target remote.Target) remote.Host
}

// Hosts are the hosts of a pool whose questions are answered ahead. It is safe
// for concurrent use and lives as long as the pool.
type Hosts struct {
	pool Pool
	// changed is set by the first change and never taken back.
	changed atomic.Bool
	options Options

	mu       sync.Mutex
	machines map[remote.Host]*machine
}

// Options say how hosts are asked.
type Options struct {
	// ReadOnly leaves nothing on any host.
	ReadOnly bool
	// Watcher asks each host for all that is kept there and for nothing else.
	Watcher bool
	// Version of the provider; "" keeps what another has left.
	Version string
}

// New wraps a pool.
func New(pool Pool, options Options) *Hosts {
	if options.ReadOnly {
		options.Version = ""
	}
	return &Hosts{pool: pool, options: options, machines: map[remote.Host]*machine{}}
}

// Host gives the one Host of a target.
func (h *Hosts) Host(target remote.Target) remote.Host {
	under := h.pool.Host(target)
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.machines[under]
	if known == nil {
		known = &machine{gate: make(chan struct{}, 1), kept: map[string]bool{}, lacks: map[string]bool{}}
		h.machines[under] = known
	}
	return &host{Host: under, all: h, machine: known}
}

// machine is what is known of one host by now.
type machine struct {
	// gate is held while the first question is on its way, so that those who
	// come meanwhile find its answers.
	gate  chan struct{}
	asked bool
	// ahead is what came; each answer is taken once, since who asks twice wants to
	// see what has changed.
	ahead kept
	// sent and at are when all of it was asked for, and when it came.
	sent, at time.Time
	// kept are the questions that this process has left on the host.
	kept map[string]bool
	// lacks are the questions that a watcher asked for and that were not among
	// what came.
	lacks map[string]bool
}

type host struct {
	remote.Host
	all     *Hosts
	machine *machine
}

// Run answers a question from what came ahead, or asks the host.
func (h *host) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	if !command.Reads {
		h.all.changed.Store(true)
		return h.Host.Run(ctx, command)
	}
	if h.all.options.Watcher {
		return h.watch(ctx, command)
	}
	if command.Question == "" || command.Stdin != nil || command.Long {
		return h.Host.Run(ctx, command)
	}
	if h.all.changed.Load() {
		return h.keep(ctx, command)
	}
	select {
	case h.machine.gate <- struct{}{}:
	case <-ctx.Done():
		return remote.Result{}, ctx.Err()
	}
	if !h.machine.asked {
		defer func() { <-h.machine.gate }()
		return h.first(ctx, command)
	}
	answer, found := h.machine.take(command)
	<-h.machine.gate
	if found && !h.all.changed.Load() {
		return h.machine.result(answer), nil
	}
	if h.machine.ahead.renew || !h.machine.ahead.askers[path.Base(File(command.Question))] {
		return h.keep(ctx, command)
	}
	return h.Host.Run(ctx, command)
}

// Dial counts as a change unless it only reads.
func (h *host) Dial(ctx context.Context, endpoint remote.Endpoint) (net.Conn, error) {
	if !endpoint.Reads {
		h.all.changed.Store(true)
	}
	return h.Host.Dial(ctx, endpoint)
}

// first asks the host, and what was kept there along with it.
func (h *host) first(ctx context.Context, command remote.Command) (remote.Result, error) {
	own := command
	own.Script = firstScript(command.Question, command.Script, h.all.options.Version)
	sent := time.Now()
	result, err := h.Host.Run(ctx, own)
	if err != nil {
		return result, err
	}
	answer, ahead, err := parseFirst(string(result.Stdout))
	if err != nil {
		return remote.Result{}, err
	}
	h.machine.asked, h.machine.ahead, h.machine.sent, h.machine.at = true, ahead, sent, time.Now()
	delete(ahead.answers, sum(command.Script)) // it was one of the kept ones, and is answered now
	result.Stdout, result.ExitCode = []byte(answer.output), answer.code
	if answer.code != 0 {
		return result, &remote.CommandError{Host: h.Target().Address(), Name: command.Name, ExitCode: answer.code, Stderr: string(result.Stderr)}
	}
	return result, nil
}

// take gives an answer that came ahead, once. One that failed is asked again by
// whom it concerns.
func (m *machine) take(command remote.Command) (string, bool) {
	key := sum(command.Script)
	answer, found := m.ahead.answers[key]
	delete(m.ahead.answers, key)
	return answer.output, found && answer.code == 0 && time.Since(m.at) < fresh
}

// result is an answer that came ahead: what it says of the present is of then.
func (m *machine) result(answer string) remote.Result {
	return remote.Result{Stdout: []byte(answer), Asked: m.sent, Came: m.at}
}

// keep leaves the question on the host for the next process, along with asking
// it: it is the one that reads back what an apply has changed.
func (h *host) keep(ctx context.Context, command remote.Command) (remote.Result, error) {
	key := command.Question + " " + sum(command.Script)
	h.all.mu.Lock()
	kept := h.machine.kept[key]
	h.machine.kept[key] = true
	h.all.mu.Unlock()
	if kept || h.all.options.ReadOnly {
		return h.Host.Run(ctx, command)
	}
	command.Script = keepScript(command.Question, command.Script, h.all.options.Version)
	return h.Host.Run(ctx, command)
}

func sum(script string) string {
	digest := sha256.Sum256([]byte(script))
	return hex.EncodeToString(digest[:])
}
