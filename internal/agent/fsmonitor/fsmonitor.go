// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package fsmonitor tells unison which files changed.
//
// It is the helper that `repeat = watch` wants (unison-fsmonitor), in the line
// protocol that unison's src/fswatch.ml describes, on Linux' inotify. Unison
// says which directory it is about to read, and it is watched before unison
// gets its answer, so nothing can change unseen between the two. What changed
// is kept until unison fetches it with CHANGES, whether or not a WAIT was
// pending when it happened, so that a change during a run is never lost.
//
// Where the kernel's queue ran over, or a directory that leads to a tree was
// moved or removed, unison is told to read the whole tree. Links are watched as
// far as their last target; where a link in the middle of a chain changes, only
// the next full scan sees it.
package fsmonitor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
)

// Role is what unison starts.
var Role = agent.Role{
	Name:    "fsmonitor",
	Summary: "tell unison which files changed (started by unison itself)",
	Aliases: []string{"unison-fsmonitor", "unison-fsmonitor-2.52", "unison-fsmonitor-2.53", "unison-fsmonitor-2.54"},
	Run: func(ctx context.Context, args []string, streams agent.Streams) error {
		if len(args) > 0 {
			return &agent.UsageError{Problem: fmt.Sprintf("fsmonitor: unexpected argument %q", args[0])}
		}
		return Run(ctx, streams)
	},
}

// The pace that unison's own helper has is half a second of quiet, without a
// limit: a file that is written all the time is never told. Ours gathers what
// happens at once, since unison rests for a second after each run.
var usual = pace{quiet: 250 * time.Millisecond, patience: 5 * time.Second, gather: 1500 * time.Millisecond}

// Run serves unison on standard input and output until it closes them.
func Run(ctx context.Context, streams agent.Streams) error {
	events, err := newInotify()
	if err != nil {
		_, _ = fmt.Fprintf(streams.Out, "ERROR %s\n", quote(err.Error()))
		return err
	}
	defer func() { _ = events.close() }()
	s := &session{forest: newForest(events), pace: usual, out: bufio.NewWriter(streams.Out), log: io.Discard, trace: streams.Err}
	return s.run(ctx, streams.In, events)
}

// session is the conversation with one unison.
type session struct {
	forest *forest
	pace   pace
	out    *bufio.Writer
	// log is where DEBUG sends what happens, trace what it is then set to.
	log, trace io.Writer
	scan       *scan
	// waiting are the hashes that unison waits for.
	waiting []string
	timer   *time.Timer
	armed   bool
}

type incoming struct {
	line   string
	events []event
	err    error
}

func (s *session) run(ctx context.Context, in io.Reader, queue *inotify) error {
	lines, events, done := make(chan incoming), make(chan incoming), make(chan struct{})
	defer close(done)
	go feed(lines, done, lineReader(in))
	go feed(events, done, eventReader(queue))
	s.timer = time.NewTimer(time.Hour)
	defer s.timer.Stop()
	s.reply("VERSION 1")
	for {
		if err := s.out.Flush(); err != nil {
			return ended(err)
		}
		var err error
		select {
		case <-ctx.Done():
			return nil
		case got := <-lines:
			if err = got.err; err == nil {
				err = s.command(got.line)
			}
		case got := <-events:
			err = s.happened(got)
		case now := <-s.timer.C:
			s.armed = false
			s.answerWait(now)
		}
		if err != nil {
			return s.fail(err)
		}
	}
}

// feed sends what read gives until it fails or nobody listens any more.
func feed(to chan<- incoming, done <-chan struct{}, read func() incoming) {
	for {
		got := read()
		select {
		case to <- got:
		case <-done:
			return
		}
		if got.err != nil {
			return
		}
	}
}

func lineReader(in io.Reader) func() incoming {
	reader := bufio.NewReader(in)
	return func() incoming {
		line, err := reader.ReadString('\n')
		return incoming{line: strings.TrimSuffix(line, "\n"), err: err}
	}
}

func eventReader(queue *inotify) func() incoming {
	buffer := make([]byte, 64<<10)
	return func() incoming {
		events, err := queue.read(buffer)
		if err != nil {
			err = fmt.Errorf("unable to read what changed: %w", err)
		}
		return incoming{events: events, err: err}
	}
}

// fail tells unison why this ends. Where unison went first, it ends in peace.
func (s *session) fail(err error) error {
	if ended(err) == nil {
		return nil
	}
	s.reply("ERROR", err.Error())
	_ = s.out.Flush()
	return err
}

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

func (s *session) reply(command string, arguments ...string) {
	_, _ = s.out.WriteString(command)
	for _, argument := range arguments {
		_, _ = s.out.WriteString(" " + quote(argument))
	}
	_ = s.out.WriteByte('\n')
}

func (s *session) happened(got incoming) error {
	for _, e := range got.events {
		_, _ = fmt.Fprintf(s.log, "fsmonitor: watch %d mask %#x %q\n", e.watch, e.mask, e.name)
		s.forest.tell(e)
	}
	s.arm()
	return got.err
}

// arm has the waiting looked at a little later, when what happens now may be ripe.
func (s *session) arm() {
	if len(s.waiting) > 0 && !s.armed {
		s.armed = true
		s.timer.Reset(min(s.pace.quiet, s.pace.gather))
	}
}

// answerWait tells unison that replicas changed, once for a wait.
func (s *session) answerWait(now time.Time) {
	var ready []string
	impending := false
	for _, hash := range s.waiting {
		for _, r := range s.forest.of(hash) {
			outlook := r.outlook(s.pace, now)
			impending = impending || outlook.noted
			if outlook.due(s.pace, now) && !slices.Contains(ready, hash) {
				ready = append(ready, hash)
			}
		}
	}
	if len(ready) > 0 {
		s.waiting = nil
		s.reply("CHANGES", ready...)
	} else if impending {
		s.arm()
	}
}
