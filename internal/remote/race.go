// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"time"
)

// race runs attempts until one succeeds, one fails for good, or the time is up.
func (d *dialling) race(limit context.Context) (*connection, error) {
	ended := make(chan attempted, attempts)
	begun, running, dropped := 0, 0, 0
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
	hedge := time.NewTicker(d.host.pool.options.DialTimeout / hedges)
	defer hedge.Stop()
	first := time.NewTimer(d.host.pool.options.DialTimeout)
	defer first.Stop()
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
			if dropped++; !one.again || dropped >= drops && running == 0 {
				return nil, last
			}
			retry = time.After(pause)
			pause *= 2
		case <-retry:
			retry = nil
			if dropped < drops {
				begin()
			}
		case <-hedge.C:
			// On a long way a handshake takes longer than a pause between attempts:
			// one that comes forward is not raced.
			if !d.heardMore() && begun < attempts && running < racers && (begun < hedges || d.spoken()) && !d.key.busy() {
				begin()
			}
		case <-first.C:
			if !d.spoken() {
				return nil, d.timedOut(running, last, silence)
			}
		case <-limit.Done():
			return nil, d.timedOut(running, last, silence)
		}
	}
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
	detail, spoken := "timed out", d.spoken()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case spoken || d.heard:
		detail = "timed out in the middle of the handshake"
	case d.stood:
		detail = "timed out: the port is open, and no sshd answers on it"
	}
	return &Error{Kind: ErrUnreachable, Address: address, Detail: detail}
}

// spoken says whether anything came from the machine's sshd on a wire that still
// stands. A person who has to confirm a signature gets no more time by that.
func (d *dialling) spoken() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for one := range d.lines {
		if one.heard.Load() > 0 && !d.key.busy() {
			return true
		}
	}
	return false
}

// heardMore says whether anything came on a standing wire since it was last asked.
func (d *dialling) heardMore() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	more := false
	for one, before := range d.lines {
		now := one.heard.Load()
		more = more || now > before
		d.lines[one] = now
	}
	return more
}

// leave takes the wire of an attempt that has ended from those that stand.
func (d *dialling) leave(one *line) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = d.heard || one.heard.Load() > 0
	delete(d.lines, one)
}
