// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// probeEvery is how often the way of a file is measured. Unison writes down all that it
// knows of a tree in each run in which it carries something, so that a tree of a
// million files is not to be disturbed more often.
const probeEvery = time.Hour

// settling is waited for until a probe is written: the first unison of a pair is followed
// by a second, which finds what is there by reading, and that is no way to measure.
const settling = 10 * time.Second

// prober measures how long a file is on its way: it writes one, and takes it back when it
// has been carried. Both moments are of one clock that nobody sets.
type prober struct {
	pair tier.Pair
	// every is the pause between two probes, first the one before the first.
	every, first time.Duration

	mu      sync.Mutex
	written time.Time
	carried chan time.Time
}

// newProber goes on where an earlier process ended, whose last probe is given, if
// there was one.
func newProber(pair tier.Pair, last *tier.Probe) *prober {
	p := &prober{pair: pair, every: probeEvery, carried: make(chan time.Time, 1)}
	if last != nil {
		if age := time.Since(last.At); age >= 0 && age < p.every {
			p.first = p.every - age
		}
	}
	return p
}

func (p *prober) path() string { return filepath.Join(p.pair.Hot, p.name()) }

func (p *prober) name() string { return tier.ProbeName(p.pair.Node, p.pair.Peer) }

// run probes until the context ends. watching says whether the pair waits for changes;
// tell gets what was measured.
func (p *prober) run(ctx context.Context, watching func() bool, tell func(tier.Probe), say func(string)) {
	// One that was left by a process that was killed.
	if err := p.remove(); err != nil {
		say(err.Error())
	}
	if !pause(ctx, p.first) {
		return
	}
	for {
		for !watching() {
			if !pause(ctx, time.Second) {
				return
			}
		}
		if !pause(ctx, settling) {
			return
		}
		way, err := p.once(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			say(err.Error())
		} else {
			tell(tier.Probe{At: time.Now().UTC(), Milliseconds: way.Milliseconds()})
		}
		if !pause(ctx, p.every) {
			return
		}
	}
}

// once gives how long a new file takes. It has no end of its own: as long as the
// line is cut, nothing is known.
func (p *prober) once(ctx context.Context) (way time.Duration, err error) {
	p.begin()
	defer p.end()
	defer func() { err = errors.Join(err, p.remove()) }()
	if err := p.write(); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case at := <-p.carried:
		return at.Sub(p.start()), nil
	}
}

func (p *prober) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.carried:
	default:
	}
	p.written = time.Now()
}

func (p *prober) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written = time.Time{}
}

func (p *prober) start() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written
}

// arrived is told when unison has carried the file.
func (p *prober) arrived(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.written.IsZero() {
		return
	}
	select {
	case p.carried <- at:
	default:
	}
}

// inStep is told of a reading that ended with all carried: had it begun after the
// file was written, then that was carried, too, by a unison whose words were lost.
func (p *prober) inStep(began, at time.Time) {
	if written := p.start(); !written.IsZero() && began.After(written) {
		p.arrived(at)
	}
}

// write makes the file. Whoever may write in the tree could lay a link under its name.
func (p *prober) write() error {
	fd, err := unix.Open(p.path(), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("unable to measure how long a file is on its way: unable to make %s: %w", p.path(), err)
	}
	return unix.Close(fd)
}

func (p *prober) remove() error {
	if err := os.Remove(p.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unable to take the probe %s away: %w", p.path(), err)
	}
	return nil
}

// pause waits, and says whether the context goes on.
func pause(ctx context.Context, length time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(length):
		return true
	}
}
